// The update kernel: pulse trains meet at crosspoints, and each coincidence moves a device by one step of its own.
//
// Sixteen columns by four rows of devices are held in registers while the samples go by, in order. One Philox call a
// lane gives the four rows their gaussians of that sample. A sample in which no line of the block pulses costs nothing.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "mho/device/pulsed.h"
#include "mho/pulse/trains.h"
#include "mho/random/stream.h"

namespace mho::pulse {

using simd::F32;
using simd::Mask;
using simd::U32;

inline constexpr std::size_t rows_per_quad = 4;
inline constexpr std::size_t columns_per_group = 16;

// What the kernel works on: one array of one instance.
struct KernelTarget {
  float* weight;               // persistent weights, (rows padded to 4) x stride
  float* visible;              // what a read sees where that differs (write noise), else null
  const float* const* planes;  // per-device parameters, laid out like the weights
  std::size_t stride;          // columns padded to 16
  float write_noise;           // standard deviation, in weight units
  random::Key key;
  std::uint64_t first_step;  // step of sample 0; the chunk does not cross a multiple of 2^32
};

// Pulses of sixteen crosspoints of one row: coincident slots.
template <int words> struct SlotCoincidence {
  static U32 count(const std::uint32_t* x, const std::uint32_t* d, float) {
    U32 n = simd::popcount(U32::load(x) & U32(d[0]));
    if constexpr (words == 2) n = n + simd::popcount(U32::load(x + 16) & U32(d[1]));
    return n;
  }
  static constexpr std::size_t x_words = 16 * words;
  static constexpr std::size_t d_words = words;
};

// Pulses of sixteen crosspoints of one row: the rounded product of what the lines ask for.
struct ProductCoincidence {
  static U32 count(const std::uint32_t* x, const std::uint32_t* d, float divisor) {
    const F32 product = simd::as_f32(U32::load(x)) * simd::as_f32(U32(d[0]));
    return simd::round_to_int(product / F32(divisor));
  }
  static constexpr std::size_t x_words = 16;
  static constexpr std::size_t d_words = 1;
};

// Words of counters whose step differs between lanes (all within one 2^32 block of steps).
inline random::WordBlock words_of_steps(random::Key key, random::Purpose purpose, std::uint64_t block, U32 step,
                                        U32 element) {
  alignas(64) std::uint32_t steps[16];
  alignas(64) std::uint32_t elements[16];
  alignas(64) std::uint32_t result[4][16];
  step.store(steps);
  element.store(elements);
  const auto high = static_cast<std::uint32_t>(block >> 32) | (static_cast<std::uint32_t>(purpose) << 16);
  for (int i = 0; i < 16; ++i) {
    const auto words = random::philox({0, elements[i], steps[i], high}, key);
    for (std::size_t k = 0; k < 4; ++k) result[k][i] = words[k];
  }
  return {{U32::load(result[0]), U32::load(result[1]), U32::load(result[2]), U32::load(result[3])}};
}

template <class Model, class Coincidence, bool pulse_by_pulse>
void update_quad(const Model& model, const KernelTarget& target, const Trains& trains, std::size_t quad) {
  const std::uint64_t quad_samples = trains.d_active(quad);
  if (quad_samples == 0) return;
  const std::size_t groups = target.stride / columns_per_group;
  for (std::size_t group = 0; group < groups; ++group) {
    std::uint64_t left = quad_samples & trains.x_active(group);
    if (left == 0) continue;
    const std::size_t origin = quad * rows_per_quad * target.stride + group * columns_per_group;
    const auto element = static_cast<std::uint32_t>(quad * target.stride + group * columns_per_group);
    typename Model::Lanes lanes[rows_per_quad];
    F32 w[rows_per_quad];
    U32 last[rows_per_quad];  // 1 + the sample of the last pulse
    for (std::size_t r = 0; r < rows_per_quad; ++r) {
      lanes[r] = model.load(target.planes, origin + r * target.stride);
      w[r] = F32::load(target.weight + origin + r * target.stride);
      last[r] = U32(0U);
    }
    for (; left != 0; left &= left - 1) {
      const auto s = static_cast<std::size_t>(std::countr_zero(left));
      const std::uint32_t* x = trains.x_bits(group, s);
      const std::uint32_t* d = trains.d_bits(quad, s);
      const float divisor = trains.divisor(s);
      U32 n[rows_per_quad];
      for (std::size_t r = 0; r < rows_per_quad; ++r) {
        n[r] = Coincidence::count(x, d + r * Coincidence::d_words, divisor);
      }
      if (!simd::any(simd::nonzero((n[0] | n[1]) | (n[2] | n[3])))) continue;
      const U32 x_sign = U32::load(trains.x_sign(group, s));
      const std::uint32_t* d_sign = trains.d_sign(quad, s);
      const random::Stream noise(target.key, random::Purpose::pulse_noise, target.first_step + s);
      const auto first = noise.gaussians(element, 0);
      Mask up[rows_per_quad];
      Mask rest[rows_per_quad];
      for (std::size_t r = 0; r < rows_per_quad; ++r) {
        up[r] = simd::negative(x_sign ^ U32(d_sign[r]));
        const Mask touched = simd::nonzero(n[r]);
        if constexpr (pulse_by_pulse) {
          const F32 moved =
              simd::clamp(model.pulse(lanes[r], w[r], up[r], first.value[r]), lanes[r].w_min, lanes[r].w_max);
          w[r] = simd::select(touched, moved, w[r]);
          rest[r] = simd::greater(n[r], U32(1U));
        } else {
          const auto moved = model.pulses(lanes[r], w[r], up[r], simd::to_float(n[r]), first.value[r]);
          rest[r] = simd::andnot(moved.valid, touched);
          const F32 bounded = simd::clamp(moved.weight, lanes[r].w_min, lanes[r].w_max);
          w[r] = simd::select(simd::andnot(rest[r], touched), bounded, w[r]);
        }
        if (target.visible != nullptr) {
          last[r] = simd::select(touched, U32(static_cast<std::uint32_t>(s) + 1U), last[r]);
        }
      }
      if (!simd::any((rest[0] | rest[1]) | (rest[2] | rest[3]))) continue;
      // The devices that must take their pulses one at a time: pulse k has draw k.
      for (std::uint32_t k = pulse_by_pulse ? 1 : 0;; ++k) {
        Mask todo[rows_per_quad];
        for (std::size_t r = 0; r < rows_per_quad; ++r) todo[r] = rest[r] & simd::greater(n[r], U32(k));
        if (!simd::any((todo[0] | todo[1]) | (todo[2] | todo[3]))) break;
        const auto xi = k == 0 ? first : noise.gaussians(element, k);
        for (std::size_t r = 0; r < rows_per_quad; ++r) {
          const F32 moved =
              simd::clamp(model.pulse(lanes[r], w[r], up[r], xi.value[r]), lanes[r].w_min, lanes[r].w_max);
          w[r] = simd::select(todo[r], moved, w[r]);
        }
      }
    }
    for (std::size_t r = 0; r < rows_per_quad; ++r) w[r].store(target.weight + origin + r * target.stride);
    if (target.visible == nullptr) continue;
    // Write noise: the visible weight was redrawn by each pulse; only the last one is still to be seen.
    for (std::size_t r = 0; r < rows_per_quad; ++r) {
      const Mask touched = simd::nonzero(last[r]);
      if (!simd::any(touched)) continue;
      const U32 step = last[r] + U32(static_cast<std::uint32_t>(target.first_step) - 1U);
      const auto xi = random::to_gaussians(words_of_steps(target.key, random::Purpose::write_noise, target.first_step,
                                                          step, simd::lane_index() + U32(element)));
      float* visible = target.visible + origin + r * target.stride;
      const F32 seen = simd::fma(xi.value[r], F32(target.write_noise), w[r]);
      simd::select(touched, seen, F32::load(visible)).store(visible);
    }
  }
}

}  // namespace mho::pulse
