// The update kernels: pulse trains meet at crosspoints, and each coincidence moves a device by one step of its own.
//
// The dense kernel takes sixteen columns by four rows of devices and lets the samples go by, in order; one Philox call
// gives these devices their gaussians of two samples, and a sample in which no lines of the block coincide costs
// next to nothing. The sparse kernel walks along the lines that pulse, and moves one device after the other. Both give
// every device the same operations on the same numbers, so which one runs changes no bit.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "mho/device/pulsed.h"
#include "mho/pulse/request.h"
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
  float* visible;              // what a read sees where that differs (write noise, states), else null
  const float* const* planes;  // per-device parameters, laid out like the weights
  float* state;                // that of these which pulses change, of models that have one
  std::size_t stride;          // columns padded to 16
  std::size_t rows;            // padded to 4
  bool fetch_ahead;            // whether most devices are moved, in the sparse kernel
  float write_noise;           // standard deviation, in weight units
  float intervals;             // between the states that a read can see; 0: it can see any weight
  float* age;                  // time since the last pulse, else null
  float* pulses_left;          // that a device lasts, where they are limited, else null

  // Whether somebody wants to know which devices were pulsed.
  [[nodiscard]] bool traced() const { return visible != nullptr || age != nullptr; }
};

// What a read sees of a weight: its state, with the noise of the last pulse.
template <class Lanes, class F> F seen(const KernelTarget& target, const Lanes& lanes, F w, F noise) {
  if (target.intervals > 0) w = device::nearest_state(w, lanes.w_min, lanes.w_max, target.intervals);
  return fma(noise, F(target.write_noise), w);
}

// Pulses of sixteen crosspoints of one row, whose line has train d: coincident slots, or the rounded product of what
// the lines ask for. The branches are the same for a whole call.
inline U32 coincidences(const Trains& trains, const std::uint32_t* x, const std::uint32_t* d, float divisor) {
  if (!trains.slots()) {
    return simd::round_to_int(simd::as_f32(U32::load(x)) * simd::as_f32(U32(d[0])) / F32(divisor));
  }
  const U32 n = simd::popcount(U32::load(x) & U32(d[0]));
  return trains.words() == 1 ? n : n + simd::popcount(U32::load(x + 16) & U32(d[1]));
}

// The noise of the first pulse, or of several at once. Draw 0 of step t serves the samples 2 t and 2 t + 1: row r of a
// quad has gaussian r in the former and 4 + r in the latter.
struct FirstNoise {
  random::PulseStream stream;
  std::size_t half;
  FirstNoise(random::Key key, std::uint64_t step)
      : stream(key, random::Purpose::pulse_noise, step / 2), half(static_cast<std::size_t>(step % 2)) {}
};

// The noise of the pulses that a device takes after its first: draws 1 + row + 4 b of the sample's own step have the
// eight from pulse 1 + 8 b on.
struct LaterNoise {
  random::PulseStream stream;
  std::uint32_t element;
  std::uint32_t row;
  LaterNoise(random::Key key, std::uint64_t step, std::uint32_t first_element, std::size_t row_of_quad)
      : stream(key, random::Purpose::pulse_noise, step),
        element(first_element),
        row(static_cast<std::uint32_t>(row_of_quad)) {}
  [[nodiscard]] std::uint32_t draw(std::uint32_t block) const {
    return 1 + row + static_cast<std::uint32_t>(rows_per_quad) * block;
  }
  // The noise of pulses `pulse` and `pulse + 1`; an odd number.
  void pair(std::uint32_t pulse, F32& first, F32& second) {
    const std::uint32_t number = (pulse - 1) % random::block_gaussians;
    if (number == 0) {
      const auto block = stream.words(element, draw((pulse - 1) / random::block_gaussians));
      for (std::size_t k = 0; k < 4; ++k) block.word[k].store(drawn[k]);
    }
    random::box_muller(U32::load(drawn[number / 2]), first, second);
  }
  void pair(std::uint32_t pulse, simd::F1& first, simd::F1& second) {
    const std::uint32_t number = (pulse - 1) % random::block_gaussians;
    if (number == 0) {
      const auto words = stream.words_of_one(element, draw((pulse - 1) / random::block_gaussians));
      for (std::size_t k = 0; k < 4; ++k) drawn[k][0] = words[k];
    }
    random::box_muller(simd::U1(drawn[number / 2][0]), first, second);
  }
  alignas(64) std::uint32_t drawn[4][16];
};

// Several pulses for devices that may not take all of theirs at once: as many at a time as the device's ranges allow.
template <class V, class Model, class Lanes>
[[gnu::noinline]] typename V::F pulse_in_turn(const Model& model, bool pulse_by_pulse, Lanes& lanes,
                                              const device::AggregationRange<V>& range, typename V::F w,
                                              typename V::U n, typename V::M up, typename V::F first_noise,
                                              LaterNoise later) {
  using F = typename V::F;
  using U = typename V::U;
  const U one(1U);
  const U most(pulse_by_pulse ? 1U : model.most_at_once());
  const U few(pulse_by_pulse ? 1U : std::min(device::few_pulses_at_once, model.most_at_once()));
  const device::AggregationRange<V> wider = model.range(lanes, device::AtOnce::few);
  F xi = first_noise;
  F next{};
  U left = n;
  for (std::uint32_t pulse = 0;; ++pulse) {
    if (pulse % 2 == 1) {
      later.pair(pulse, xi, next);
    } else if (pulse > 0) {
      xi = next;
    }
    const U near = select(wider.outside(w, up, model.limits_behind()), one, few);
    const U limit = select(range.outside(w, up, model.limits_behind()), near, most);
    const U now = select(greater(left, limit), limit, left);
    w = clamp(model.pulses(lanes, w, up, now, xi), lanes.w_min, lanes.w_max);
    left = left - now;
    if (!any(nonzero(left))) return w;
  }
}

template <class Model> inline constexpr std::size_t planes_of = device::pulsed_planes + Model::extra_planes.size();

// Four rows of devices, sixteen columns at a time, all samples of a chunk: first the noise of the block, then its rows.
// Either part is a loop without long chains of operations that wait for each other.
template <class Model> class DenseQuad {
 public:
  DenseQuad(const Model& model, const Request& request, const KernelTarget& target, std::size_t quad)
      : model_(model), request_(request), target_(target), trains_(request.trains), quad_(quad) {}

  void update() {
    const std::uint64_t quad_samples = trains_.d_active(quad_) & request_.samples;
    if (quad_samples == 0 && request_.snapshots.empty()) return;
    for (std::size_t group = 0; group < target_.stride / columns_per_group; ++group) {
      std::uint64_t samples = coinciding(group, quad_samples & trains_.x_active(group));
      if (samples != 0) {
        fetch(group);
        draw_noise(element(group), samples);
      }
      for (const Snapshot& snapshot : request_.snapshots) {
        if (!shows(snapshot, group)) continue;
        const std::uint64_t later = ~std::uint64_t{0} << 1 << snapshot.sample;
        move(group, samples & ~later);
        samples &= later;
        take(snapshot, group);
      }
      move(group, samples);
    }
  }

 private:
  using V = simd::Wide;
  // Rows that are moved together: the more, the longer the chain of operations from a weight to the next.
  static constexpr std::size_t rows = Model::rows_in_flight;

  [[nodiscard]] std::uint32_t element(std::size_t group) const {
    return static_cast<std::uint32_t>(quad_ * target_.stride + group * columns_per_group);
  }

  // The devices of the block come from memory while their noise is drawn.
  void fetch(std::size_t group) const {
    for (std::size_t r = 0; r < rows_per_quad; ++r) {
      const std::size_t at = (quad_ * rows_per_quad + r) * target_.stride + group * columns_per_group;
      __builtin_prefetch(target_.weight + at, 1);
      for (std::size_t p = 0; p < planes_of<Model>; ++p) __builtin_prefetch(target_.planes[p] + at);
    }
  }

  // The samples in which a line of either side pulses in the same slot.
  [[nodiscard]] std::uint64_t coinciding(std::size_t group, std::uint64_t samples) const {
    if (!trains_.slots()) return samples;
    std::uint64_t result = 0;
    for (std::uint64_t left = samples; left != 0; left &= left - 1) {
      const auto s = static_cast<std::size_t>(std::countr_zero(left));
      const std::uint32_t* x = trains_.x_bits(group, s);
      const std::uint32_t* d = trains_.d_bits(quad_, s);
      bool any = false;
      if (trains_.words() == 1) {
        any = simd::any(simd::nonzero(U32::load(x) & U32((d[0] | d[1]) | (d[2] | d[3]))));
      } else {
        any = simd::any(simd::nonzero((U32::load(x) & U32((d[0] | d[2]) | (d[4] | d[6]))) |
                                      (U32::load(x + 16) & U32((d[1] | d[3]) | (d[5] | d[7])))));
      }
      result |= static_cast<std::uint64_t>(any) << s;
    }
    return result;
  }

  // The noise of the first pulses of the block, for some samples.
  [[gnu::noinline]] void draw_noise(std::uint32_t element, std::uint64_t samples) {
    const std::uint64_t first = request_.first_step;
    while (samples != 0) {
      const auto s = static_cast<std::size_t>(std::countr_zero(samples));
      const FirstNoise noise(request_.noise, first + s);
      const auto block = noise.stream.words(simd::lane_index() + U32(element), 0);
      if (noise.half == 0) store(s, block.word[0], block.word[1]);
      // The second sample of the pair is the next one, or this one where the pair began before the chunk.
      const std::size_t second = noise.half == 0 ? s + 1 : s;
      if (second < chunk_samples && (samples >> second & 1) != 0) store(second, block.word[2], block.word[3]);
      samples &= ~std::uint64_t{0} << 1 << second;
      if (second + 1 >= chunk_samples) return;
    }
  }
  [[gnu::always_inline]] void store(std::size_t s, U32 upper, U32 lower) {
    F32 xi[rows_per_quad];
    random::box_muller(upper, xi[0], xi[1]);
    random::box_muller(lower, xi[2], xi[3]);
    for (std::size_t r = 0; r < rows_per_quad; ++r) xi[r].store(noise_[s][r]);
  }

  [[nodiscard]] bool shows(const Snapshot& snapshot, std::size_t group) const {
    return snapshot.line == Snapshot::Line::column ? snapshot.index / columns_per_group == group
                                                   : snapshot.index / rows_per_quad == quad_;
  }
  void take(const Snapshot& snapshot, std::size_t group) const {
    const float* seen = target_.visible != nullptr ? target_.visible : target_.weight;
    if (snapshot.line == Snapshot::Line::column) {
      for (std::size_t row = quad_ * rows_per_quad; row < (quad_ + 1) * rows_per_quad; ++row) {
        snapshot.values[row] = seen[row * target_.stride + snapshot.index];
      }
    } else {
      const std::size_t column = group * columns_per_group;
      F32::load(seen + snapshot.index * target_.stride + column).store(snapshot.values + column);
    }
  }

  void move(std::size_t group, std::uint64_t samples) {
    if (samples == 0) return;
    for (std::size_t r = 0; r < rows_per_quad; r += rows) move(group, r, samples);
  }

  // What the inner loop is compiled for: other settings are read as it goes.
  void move(std::size_t group, std::size_t first_row, std::uint64_t samples) {
    const bool limits_behind = model_.limits_behind();
    const bool traced = target_.traced();
    if (target_.pulses_left != nullptr) return move<false, true, true>(group, first_row, samples, traced);
    if (!trains_.slots() || trains_.words() != 1 || request_.directions != Directions::both)
      return move<false, true, false>(group, first_row, samples, traced);
    if (limits_behind) return move<true, true, false>(group, first_row, samples, traced);
    if (traced) return move<true, false, false>(group, first_row, samples, true);
    return move<true, false, false>(group, first_row, samples, std::false_type{});
  }

  // Rows first_row ... of one group of columns, through some samples. Simple: trains of one word, for both directions.
  // Wearing: devices that last a limited number of pulses. Traced: which devices were pulsed is of interest.
  template <bool simple, bool limits_behind, bool wearing, class Flag>
  [[gnu::noinline]] void move(std::size_t group, std::size_t first_row, std::uint64_t samples, Flag traced) {
    const Model& model = model_;
    const auto words = static_cast<std::size_t>(trains_.words());
    const std::uint32_t* x_bits = trains_.x_bits(group, 0);
    const std::uint32_t* d_bits = trains_.d_bits(quad_, 0) + first_row * words;
    const std::uint16_t* x_negative = trains_.x_negative(group);
    const std::uint8_t* d_negative = trains_.d_negative(quad_);
    const U32 one(1U);
    const U32 most(request_.pulse_by_pulse ? 0U : model.most_at_once());
    const std::size_t origin = (quad_ * rows_per_quad + first_row) * target_.stride + group * columns_per_group;
    typename Model::template Lanes<V> lanes[rows];
    device::AggregationRange<V> range[rows];
    F32 w[rows];
    U32 last[rows];  // 1 + the sample of the last pulse
    U32 pulses_left[rows];
    for (std::size_t r = 0; r < rows; ++r) {
      lanes[r] = model.load(device::Neighbours{target_.planes, origin + r * target_.stride});
      range[r] = model.range(lanes[r], device::AtOnce::most);
      w[r] = F32::load(target_.weight + origin + r * target_.stride);
      last[r] = U32(0U);
      if (wearing) pulses_left[r] = simd::round_to_int(F32::load(target_.pulses_left + origin + r * target_.stride));
    }
    for (std::uint64_t left = samples; left != 0; left &= left - 1) {
      const auto s = static_cast<std::size_t>(std::countr_zero(left));
      const std::uint32_t* x = x_bits + s * 16 * words;
      const std::uint32_t* d = d_bits + s * rows_per_quad * words;
      const std::uint32_t negative[2] = {x_negative[s], ~std::uint32_t{x_negative[s]}};
      const std::uint32_t d_signs = static_cast<std::uint32_t>(d_negative[s]) >> first_row;
      for (std::size_t r = 0; r < rows; ++r) {
        U32 n = simple ? simd::popcount(U32::load(x) & U32(d[r]))
                       : coincidences(trains_, x, d + r * words, trains_.divisor(s));
        Mask up = Mask::of(negative[d_signs >> r & 1U]);
        if (!simple) take(n, up);
        if (wearing) {
          n = simd::select(simd::greater(n, pulses_left[r]), pulses_left[r], n);
          pulses_left[r] = pulses_left[r] - n;
        }
        const F32 xi = F32::load(noise_[s][first_row + r]);
        const Mask outside = range[r].outside(w[r], up, limits_behind && (simple || model.limits_behind()));
        const Mask in_turn = simd::greater(n, simd::select(outside, one, most));
        U32 at_once = n;
        if constexpr (device::HasState<Model>) at_once = simd::select(in_turn, U32(0U), n);
        F32 moved = clamp(model.pulses(lanes[r], w[r], up, at_once, xi), lanes[r].w_min, lanes[r].w_max);
        if (simd::any(in_turn)) [[unlikely]] {
          const F32 slow = pulse_in_turn<V>(
              model, request_.pulse_by_pulse, lanes[r], range[r], w[r], simd::select(in_turn, n, U32(0U)), up, xi,
              LaterNoise(request_.noise, request_.first_step + s, element(group), first_row + r));
          moved = simd::select(in_turn, slow, moved);
        }
        w[r] = moved;
        if (traced) {
          last[r] = simd::select(simd::nonzero(n), U32(static_cast<std::uint32_t>(s) + 1U), last[r]);
        }
      }
    }
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t at = origin + r * target_.stride;
      w[r].store(target_.weight + at);
      if constexpr (device::HasState<Model>) model.state(lanes[r]).store(target_.state + at);
      if (wearing) simd::to_float(pulses_left[r]).store(target_.pulses_left + at);
      if (traced) trace(group, first_row + r, at, lanes[r], w[r], last[r]);
    }
  }

  // Of a one-sided device: pulses of its own direction, which move it up. Of a reversed one: all, the other way round.
  void take(U32& n, Mask& up) const {
    if (request_.directions == Directions::both) return;
    const Mask all = Mask::of(0xFFFFU);
    if (request_.directions == Directions::reversed) {
      up = simd::andnot(up, all);
      return;
    }
    const Mask mine = request_.directions == Directions::up_only ? up : simd::andnot(up, all);
    n = simd::select(mine, n, U32(0U));
    up = all;
  }

  // What the pulses have left behind beside the weight.
  void trace(std::size_t group, std::size_t row, std::size_t at, const typename Model::template Lanes<V>& lanes, F32 w,
             U32 last) {
    const Mask touched = simd::nonzero(last);
    if (!simd::any(touched)) return;
    if (target_.age != nullptr) {
      simd::select(touched, F32(0.0F), F32::load(target_.age + at)).store(target_.age + at);
    }
    if (target_.visible == nullptr) return;
    // The noise of the visible weight was drawn by each pulse; only the last one is still to be seen.
    const random::PulseStream write(request_.noise, random::Purpose::write_noise, request_.first_step);
    const U32 step_low = last + U32(static_cast<std::uint32_t>(request_.first_step) - 1U);
    const auto words = write.words_of_steps(step_low, simd::lane_index() + U32(element(group)), 0);
    const F32 now = seen(target_, lanes, w, random::to_gaussian(words, row));
    simd::select(touched, now, F32::load(target_.visible + at)).store(target_.visible + at);
  }

  const Model& model_;
  const Request& request_;
  const KernelTarget& target_;
  const Trains& trains_;
  const std::size_t quad_;
  alignas(64) float noise_[chunk_samples][rows_per_quad][columns_per_group];
};

// Some coincidences of one row in one sample.
struct Coincidences {
  static constexpr std::size_t most = 1024;
  alignas(64) std::uint32_t column[most];
  alignas(64) std::uint32_t count[most];
  alignas(64) float noise[most];
  alignas(64) float write_noise[most];
  std::size_t size;
  bool several;  // whether a crosspoint has more than one

  // Collects the lines of sample s, from number `first` of its list on, that coincide with train d, as many as there is
  // room for. Returns the number to go on from.
  std::size_t collect(const Trains& trains, std::size_t s, const std::uint32_t* d, std::size_t first) {
    size = 0;
    const std::size_t length = trains.list_length(s);
    const std::uint32_t* columns = trains.list_columns(s);
    U32 bits(0U);
    std::size_t i = first;
    for (; i < length && size + 32 <= most; i += 16) {
      U32 n = simd::popcount(U32::load(trains.list_bits(s, 0) + i) & U32(d[0]));
      if (trains.words() == 2) n = n + simd::popcount(U32::load(trains.list_bits(s, 1) + i) & U32(d[1]));
      const Mask hit = simd::nonzero(n);
      (void)simd::compress_store(column + size, U32::load(columns + i), hit);
      size += simd::compress_store(count + size, n, hit);
      bits = bits | n;
    }
    several = simd::any(simd::greater(bits, U32(1U)));
    U32(0U).store(column + size);
    return i;
  }
};

// Four rows of devices, coincidence by coincidence, all samples of a chunk.
template <class Model> class SparseQuad {
 public:
  SparseQuad(const Model& model, const Request& request, const KernelTarget& target, std::size_t quad)
      : model_(model), request_(request), target_(target), trains_(request.trains), quad_(quad) {}

  void update() {
    const auto words = static_cast<std::size_t>(trains_.words());
    for (std::size_t r = 0; r < rows_per_quad; ++r) {
      auto snapshot = request_.snapshots.begin();
      fetch(quad_ * rows_per_quad + r + 1);
      for (std::uint64_t left = trains_.d_active(quad_) & request_.samples; left != 0; left &= left - 1) {
        const auto s = static_cast<std::size_t>(std::countr_zero(left));
        for (; snapshot != request_.snapshots.end() && snapshot->sample < s; ++snapshot) take(*snapshot, r);
        const std::uint32_t* d = trains_.d_bits(quad_, s) + r * words;
        if ((d[0] | d[words - 1]) == 0) continue;
        for (std::size_t next = 0; next < trains_.list_length(s);) {
          next = hits_.collect(trains_, s, d, next);
          if (hits_.size == 0) continue;
          draw_noise(r, s);
          if (target_.pulses_left != nullptr) {
            move<true, true>(r, s);
          } else if (hits_.several || request_.pulse_by_pulse) {
            move<true, false>(r, s);
          } else {
            move<false, false>(r, s);
          }
        }
      }
      for (; snapshot != request_.snapshots.end(); ++snapshot) take(*snapshot, r);
    }
  }

 private:
  static constexpr std::uint32_t column_bits = 0x7FFFFFFFU;

  // Most cache lines of the next row will be wanted, in an order that the processor cannot foresee.
  void fetch(std::size_t row) const {
    if (!target_.fetch_ahead || row >= target_.rows) return;
    for (std::size_t j = 0; j < target_.stride; j += 16) {
      __builtin_prefetch(target_.weight + row * target_.stride + j, 1);
      for (std::size_t p = 0; p < planes_of<Model>; ++p) {
        __builtin_prefetch(target_.planes[p] + row * target_.stride + j);
      }
    }
  }

  void take(const Snapshot& snapshot, std::size_t r) const {
    const std::size_t row = quad_ * rows_per_quad + r;
    const float* seen = (target_.visible != nullptr ? target_.visible : target_.weight) + row * target_.stride;
    if (snapshot.line == Snapshot::Line::column) {
      snapshot.values[row] = seen[snapshot.index];
    } else if (snapshot.index == row) {
      std::copy_n(seen, target_.stride, snapshot.values);
    }
  }

  [[nodiscard]] std::uint32_t first_element() const { return static_cast<std::uint32_t>(quad_ * target_.stride); }

  [[gnu::noinline]] void draw_noise(std::size_t row, std::size_t s) {
    const std::uint64_t step = request_.first_step + s;
    const FirstNoise noise(request_.noise, step);
    const random::PulseStream write(request_.noise, random::Purpose::write_noise, step);
    for (std::size_t i = 0; i < hits_.size; i += 16) {
      const U32 element = (U32::load(hits_.column + i) & U32(column_bits)) + U32(first_element());
      random::to_gaussian(noise.stream.words(element, 0), 4 * noise.half + row).store(hits_.noise + i);
      if (target_.visible == nullptr) continue;
      random::to_gaussian(write.words(element, 0), row).store(hits_.write_noise + i);
    }
  }

  template <bool several, bool wearing> [[gnu::noinline]] void move(std::size_t row, std::size_t s) {
    const std::size_t origin = (quad_ * rows_per_quad + row) * target_.stride;
    const Model model = model_;
    float* weight = target_.weight + origin;
    const std::uint32_t* columns = hits_.column;
    const std::uint32_t* counts = hits_.count;
    const float* noise = hits_.noise;
    const float* planes[planes_of<Model>];
    for (std::size_t p = 0; p < planes_of<Model>; ++p) planes[p] = target_.planes[p] + origin;
    const bool reversed = request_.directions == Directions::reversed;
    const bool one_sided = request_.directions != Directions::both && !reversed;
    const bool mine = request_.directions != Directions::down_as_up;
    const std::uint32_t d_negative =
        ((static_cast<std::uint32_t>(trains_.d_negative(quad_)[s]) >> row & 1U) ^ static_cast<std::uint32_t>(reversed))
        << 31;
    const bool traced = target_.traced();
    for (std::size_t i = 0; i < hits_.size; ++i) {
      const std::uint32_t column = columns[i] & column_bits;
      simd::M1 up{((columns[i] ^ d_negative) & ~column_bits) != 0};
      if (one_sided) {
        if (up.v != mine) continue;
        up.v = true;
      }
      auto lanes = model.load(device::OneDevice{planes, column});
      simd::F1 w(weight[column]);
      simd::U1 n(several ? counts[i] : 1U);
      if (wearing) {
        float& left = target_.pulses_left[origin + column];
        n.v = std::min(n.v, static_cast<std::uint32_t>(left));
        if (n.v == 0) continue;
        left -= static_cast<float>(n.v);
      }
      const simd::F1 xi(noise[i]);
      if (!several || n.v == 1) {
        w = clamp(model.pulses(lanes, w, up, n, xi), lanes.w_min, lanes.w_max);
        if constexpr (device::HasState<Model>) target_.state[origin + column] = model.state(lanes).v;
      } else {
        w = in_turn(planes, row, s, column, w, n, up, xi);
      }
      weight[column] = w.v;
      if (!traced) continue;
      if (target_.age != nullptr) target_.age[origin + column] = 0;
      if (target_.visible == nullptr) continue;
      target_.visible[origin + column] = seen(target_, lanes, w, simd::F1(hits_.write_noise[i])).v;
    }
  }

  // Apart, so that the loop above keeps its devices in registers.
  [[gnu::noinline]] simd::F1 in_turn(const float* const* planes, std::size_t row, std::size_t s, std::uint32_t column,
                                     simd::F1 w, simd::U1 n, simd::M1 up, simd::F1 xi) const {
    auto lanes = model_.load(device::OneDevice{planes, column});
    const simd::F1 moved = pulse_in_turn<simd::Single>(
        model_, request_.pulse_by_pulse, lanes, model_.range(lanes, device::AtOnce::most), w, n, up, xi,
        LaterNoise(request_.noise, request_.first_step + s, first_element() + column, row));
    if constexpr (device::HasState<Model>) {
      target_.state[(quad_ * rows_per_quad + row) * target_.stride + column] = model_.state(lanes).v;
    }
    return moved;
  }

  const Model& model_;
  const Request& request_;
  const KernelTarget& target_;
  const Trains& trains_;
  const std::size_t quad_;
  Coincidences hits_;
};

}  // namespace mho::pulse
