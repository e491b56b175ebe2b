// The update kernels: pulse trains meet at crosspoints, and each coincidence moves a device by one step of its own.
//
// The dense kernel holds sixteen columns by four rows of devices in registers while the samples go by, in order; one
// Philox call a lane gives the four rows their gaussians of that sample, and a sample in which no line of the block
// pulses costs nothing. The sparse kernel walks along the lines that pulse and collects the coincidences of a row,
// sixteen at a time. Both give every device the same operations on the same numbers, so which one runs changes no bit.
#pragma once

#include <array>
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

// Pulses of sixteen crosspoints of one row, whose line has train d: coincident slots, or the rounded product of what
// the lines ask for. The branches are the same for a whole call.
inline U32 coincidences(const Trains& trains, const std::uint32_t* x, const std::uint32_t* d, float divisor) {
  if (!trains.slots()) {
    return simd::round_to_int(simd::as_f32(U32::load(x)) * simd::as_f32(U32(d[0])) / F32(divisor));
  }
  const U32 n = simd::popcount(U32::load(x) & U32(d[0]));
  return trains.words() == 1 ? n : n + simd::popcount(U32::load(x + 16) & U32(d[1]));
}

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

// Applies n pulses to sixteen devices in each of some rows. noise(k) gives the gaussians of pulse k; those of pulse 0
// also serve n pulses at once.
template <class Model, std::size_t rows, class Noise>
inline void advance(const Model& model, bool pulse_by_pulse, const typename Model::Lanes (&lanes)[rows], F32 (&w)[rows],
                    const U32 (&n)[rows], const Mask (&up)[rows], Noise&& noise) {
  const auto first = noise(0);
  Mask rest[rows];
  Mask any_rest{};
  for (std::size_t r = 0; r < rows; ++r) {
    const Mask touched = simd::nonzero(n[r]);
    const auto moved = model.pulses(lanes[r], w[r], up[r], simd::to_float(n[r]), first[r]);
    rest[r] = pulse_by_pulse ? touched : simd::andnot(moved.valid, touched);
    const F32 bounded = simd::clamp(moved.weight, lanes[r].w_min, lanes[r].w_max);
    w[r] = simd::select(simd::andnot(rest[r], touched), bounded, w[r]);
    any_rest = r == 0 ? rest[0] : any_rest | rest[r];
  }
  if (!simd::any(any_rest)) return;
  // The devices that must take their pulses one at a time.
  for (std::uint32_t k = 0;; ++k) {
    Mask todo[rows];
    Mask any_todo{};
    for (std::size_t r = 0; r < rows; ++r) {
      todo[r] = rest[r] & simd::greater(n[r], U32(k));
      any_todo = r == 0 ? todo[0] : any_todo | todo[r];
    }
    if (!simd::any(any_todo)) return;
    const auto xi = k == 0 ? first : noise(k);
    for (std::size_t r = 0; r < rows; ++r) {
      const F32 moved = simd::clamp(model.pulse(lanes[r], w[r], up[r], xi[r]), lanes[r].w_min, lanes[r].w_max);
      w[r] = simd::select(todo[r], moved, w[r]);
    }
  }
}

// Four rows of devices, sixteen columns at a time, all samples of a chunk.
template <class Model>
void update_quad(const Model& model, bool pulse_by_pulse, const KernelTarget& target, const Trains& trains,
                 std::size_t quad) {
  const std::uint64_t quad_samples = trains.d_active(quad);
  if (quad_samples == 0) return;
  const std::size_t groups = target.stride / columns_per_group;
  const auto words = static_cast<std::size_t>(trains.words());
  for (std::size_t group = 0; group < groups; ++group) {
    std::uint64_t left = quad_samples & trains.x_active(group);
    if (left == 0) continue;
    const std::size_t origin = quad * rows_per_quad * target.stride + group * columns_per_group;
    const auto element = static_cast<std::uint32_t>(quad * target.stride + group * columns_per_group);
    typename Model::Lanes lanes[rows_per_quad];
    F32 w[rows_per_quad];
    U32 last[rows_per_quad];  // 1 + the sample of the last pulse
    for (std::size_t r = 0; r < rows_per_quad; ++r) {
      lanes[r] = model.load(device::Neighbours{target.planes, origin + r * target.stride});
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
        n[r] = coincidences(trains, x, d + r * words, divisor);
      }
      if (!simd::any(simd::nonzero((n[0] | n[1]) | (n[2] | n[3])))) continue;
      const U32 x_sign = U32::load(trains.x_sign(group, s));
      const std::uint32_t* d_sign = trains.d_sign(quad, s);
      Mask up[rows_per_quad];
      for (std::size_t r = 0; r < rows_per_quad; ++r) up[r] = simd::negative(x_sign ^ U32(d_sign[r]));
      const random::Stream noise(target.key, random::Purpose::pulse_noise, target.first_step + s);
      advance(model, pulse_by_pulse, lanes, w, n, up, [&](std::uint32_t k) {
        const auto xi = noise.gaussians(element, k);
        return std::array<F32, 4>{xi.value[0], xi.value[1], xi.value[2], xi.value[3]};
      });
      if (target.visible == nullptr) continue;
      for (std::size_t r = 0; r < rows_per_quad; ++r) {
        last[r] = simd::select(simd::nonzero(n[r]), U32(static_cast<std::uint32_t>(s) + 1U), last[r]);
      }
    }
    for (std::size_t r = 0; r < rows_per_quad; ++r) w[r].store(target.weight + origin + r * target.stride);
    if (target.visible == nullptr) continue;
    // Write noise: the visible weight was redrawn by each pulse; only the last one is still to be seen.
    for (std::size_t r = 0; r < rows_per_quad; ++r) {
      const Mask touched = simd::nonzero(last[r]);
      if (!simd::any(touched)) continue;
      const U32 step = last[r] + U32(static_cast<std::uint32_t>(target.first_step) - 1U);
      const F32 xi = random::to_gaussian(words_of_steps(target.key, random::Purpose::write_noise, target.first_step,
                                                        step, simd::lane_index() + U32(element)),
                                         r);
      float* visible = target.visible + origin + r * target.stride;
      const F32 seen = simd::fma(xi, F32(target.write_noise), w[r]);
      simd::select(touched, seen, F32::load(visible)).store(visible);
    }
  }
}

// Room for the coincidences of one row in one sample.
struct Coincidences {
  AlignedVector<std::uint32_t> column, count;
  explicit Coincidences(std::size_t columns) : column(columns + 32), count(columns + 32) {}
};

// Four rows of devices, coincidence by coincidence, all samples of a chunk.
template <class Model>
void update_quad_sparse(const Model& model, bool pulse_by_pulse, const KernelTarget& target, const Trains& trains,
                        std::size_t quad, Coincidences& hits) {
  const U32 column_bits(0x7FFFFFFFU);
  const auto words = static_cast<std::size_t>(trains.words());
  for (std::size_t r = 0; r < rows_per_quad; ++r) {
    const std::size_t row = (quad * rows_per_quad + r) * target.stride;
    for (std::uint64_t left = trains.d_active(quad); left != 0; left &= left - 1) {
      const auto s = static_cast<std::size_t>(std::countr_zero(left));
      const std::uint32_t* d = trains.d_bits(quad, s) + r * words;
      if ((d[0] | d[words - 1]) == 0) continue;
      std::size_t found = 0;
      const std::size_t length = trains.list_length(s);
      const std::uint32_t* columns = trains.list_columns(s);
      for (std::size_t i = 0; i < length; i += 16) {
        U32 n = simd::popcount(U32::load(trains.list_bits(s, 0) + i) & U32(d[0]));
        if (words == 2) n = n + simd::popcount(U32::load(trains.list_bits(s, 1) + i) & U32(d[1]));
        const Mask hit = simd::nonzero(n);
        (void)simd::compress_store(hits.column.data() + found, U32::load(columns + i), hit);
        found += simd::compress_store(hits.count.data() + found, n, hit);
      }
      if (found == 0) continue;
      U32(0U).store(hits.column.data() + found);
      U32(0U).store(hits.count.data() + found);
      const U32 d_sign(trains.d_sign(quad, s)[r]);
      const random::Stream noise(target.key, random::Purpose::pulse_noise, target.first_step + s);
      const random::Stream write(target.key, random::Purpose::write_noise, target.first_step + s);
      for (std::size_t i = 0; i < found; i += 16) {
        const U32 signed_column = U32::load(hits.column.data() + i);
        const U32 column = signed_column & column_bits;
        const U32 element = column + U32(static_cast<std::uint32_t>(quad * target.stride));
        const U32 n[1] = {U32::load(hits.count.data() + i)};
        const Mask up[1] = {simd::negative(signed_column ^ d_sign)};
        const typename Model::Lanes lanes[1] = {model.load(device::Scattered{target.planes, row, column})};
        F32 w[1] = {simd::gather(target.weight + row, column)};
        advance(model, pulse_by_pulse, lanes, w, n, up,
                [&](std::uint32_t k) { return std::array<F32, 1>{random::to_gaussian(noise.words(element, k), r)}; });
        const Mask touched = simd::nonzero(n[0]);
        simd::scatter(target.weight + row, column, w[0], touched);
        if (target.visible != nullptr) {
          const F32 xi = random::to_gaussian(write.words(element, 0), r);
          simd::scatter(target.visible + row, column, simd::fma(xi, F32(target.write_noise), w[0]), touched);
        }
      }
    }
  }
}

}  // namespace mho::pulse
