// How the devices of an array share draws.
//
// Four outputs that have an input in common share an element of the counter: output i and input j have element
// i / 4 * (inputs, padded to sixteen) + j, and of its numbers the one for i % 4. Kernels move blocks of sixteen
// outputs, a lane each, by four inputs: these are sixteen elements, one for each lane of a draw, whose numbers are then
// brought to the lanes of their devices.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mho/random/stream.h"

namespace mho::random {

inline constexpr std::size_t block_outputs = 16;
inline constexpr std::size_t block_inputs = 4;

// The elements of an array's devices.
class DeviceElements {
 public:
  explicit DeviceElements(std::size_t inputs) : inputs_(static_cast<std::uint32_t>((inputs + 15) / 16 * 16)) {}

  [[nodiscard]] std::uint32_t of(std::size_t output, std::size_t input) const {
    return static_cast<std::uint32_t>(output / 4) * inputs_ + static_cast<std::uint32_t>(input);
  }
  [[nodiscard]] U32 of(U32 outputs, std::size_t input) const {
    return simd::shift_right<2>(outputs) * U32(inputs_) + U32(static_cast<std::uint32_t>(input));
  }
  // Of sixteen outputs from 16 group on, and one input: four neighbouring lanes have the same.
  [[nodiscard]] U32 of_line(std::size_t group, std::size_t input) const {
    return of(simd::lane_index() + U32(static_cast<std::uint32_t>(group * block_outputs)), input);
  }
  // Of eight of the outputs that pulse in a sample, counted from 0, where these are what shares an element: those from
  // number 8 b on. Samples go by twos here, and have elements apart.
  [[nodiscard]] std::uint32_t of_numbers(std::size_t block, std::size_t input, std::uint64_t step) const {
    return numbered | (step % 2 != 0 ? odd_step : 0U) |
           (static_cast<std::uint32_t>(block) * inputs_ + static_cast<std::uint32_t>(input));
  }
  // Of these outputs and the four inputs from 4 quad on: those that `gaussians` and `words` want.
  [[nodiscard]] U32 of_block(std::size_t group, std::size_t quad) const {
    return of_line(group, quad * block_inputs) + (simd::lane_index() & U32(3U));
  }

 private:
  static constexpr std::uint32_t numbered = 0x80000000U;
  static constexpr std::uint32_t odd_step = 0x40000000U;

  std::uint32_t inputs_;
};

// Of a block of devices, for each of its inputs: gaussians 0 to 3 and 4 to 7 of a draw.
template <int rounds>
GaussianBlock device_gaussians(const BasicStream<rounds>& stream, U32 elements, std::uint32_t draw) {
  GaussianBlock block = to_gaussians(stream.words(elements, draw));
  simd::transpose_fours(block.value);
  simd::transpose_fours(block.value + 4);
  return block;
}

// A word of a draw for each device of a block, input by input.
template <int rounds> WordBlock device_words(const BasicStream<rounds>& stream, U32 elements, std::uint32_t draw) {
  WordBlock block = stream.words(elements, draw);
  F32 lanes[4];
  for (std::size_t k = 0; k < 4; ++k) lanes[k] = simd::as_f32(block.word[k]);
  simd::transpose_fours(lanes);
  for (std::size_t k = 0; k < 4; ++k) block.word[k] = simd::as_u32(lanes[k]);
  return block;
}

}  // namespace mho::random
