// The update kernels: pulse trains meet at crosspoints, and each coincidence moves a device by one step of its own.
//
// Devices that have an input in common lie side by side, since it is inputs that are often zero: of an image that is
// mostly black, of units that are silent. Their lines are passed over, and neighbouring outputs fill the lanes.
//
// The dense kernel takes sixteen outputs by four inputs of devices and lets the samples go by, in order; one Philox
// call gives these devices their gaussians of two samples, and a sample in which no lines of the block coincide costs
// next to nothing. The sparse kernel walks along the lines that pulse, and moves one device after the other. Both give
// every device the same operations on the same numbers, so which one runs changes no bit.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "mho/device/aggregation.h"
#include "mho/pulse/kernel_target.h"
#include "mho/pulse/request.h"
#include "mho/random/device_draws.h"
#include "mho/random/table_gaussian.h"
#include "mho/simd/unrolled.h"

namespace mho::pulse {

// Inputs are taken by fours, outputs by sixteens.
inline constexpr std::size_t quad_inputs = random::block_inputs;
inline constexpr std::size_t group_outputs = random::block_outputs;

// Pulses of sixteen crosspoints of one input, whose line has train x: coincident slots, or the rounded product of what
// the lines ask for. The branches are the same for a whole call.
inline U32 coincidences(const Trains& trains, const std::uint32_t* x, const std::uint32_t* d, float divisor) {
  if (!trains.slots()) {
    return simd::round_to_int(simd::as_f32(U32(x[0])) * simd::as_f32(U32::load(d)) / F32(divisor));
  }
  const U32 n = simd::popcount(U32(x[0]) & U32::load(d));
  return trains.words() == 1 ? n : n + simd::popcount(U32(x[1]) & U32::load(d + 16));
}

// What a read sees after the pulses so far: of sixteen neighbouring outputs of an input, and of one device.
inline F32 line_seen(const Request& request, const KernelTarget& target, std::size_t group, std::size_t input) {
  if (target.undrawn != nullptr) {
    return UndrawnNoise(request.noise, request.first_step).line(target, group, input);
  }
  const float* seen = target.visible != nullptr ? target.visible : target.weight;
  return F32::load(seen + input * target.stride + group * group_outputs);
}
inline float device_seen(const Request& request, const KernelTarget& target, std::size_t output, std::size_t input) {
  if (target.undrawn != nullptr) {
    return UndrawnNoise(request.noise, request.first_step).device(target, output, input);
  }
  return (target.visible != nullptr ? target.visible : target.weight)[input * target.stride + output];
}

// The noise of the first pulse, or of several at once. Draw 0 of step t serves the samples 2 t and 2 t + 1: the outputs
// of an element have gaussians 0 to 3 in the former and 4 to 7 in the latter. Where samples number the outputs that
// pulse, eight of these have the gaussians of an element.
struct FirstNoise {
  random::PulseStream stream;
  std::size_t half;
  FirstNoise(random::Key key, std::uint64_t step)
      : stream(key, random::Purpose::pulse_noise, step / 2), half(static_cast<std::size_t>(step % 2)) {}
};

// The noise of the pulses that a device takes after its first: of output i of an element (0 to 3), draws 1 + i + 4 b of
// the sample's own step have the eight from pulse 1 + 8 b on.
template <class V> class LaterNoise {
 public:
  using F = typename V::F;
  using U = typename V::U;
  // The devices' elements, and the numbers of their outputs.
  LaterNoise(random::Key key, std::uint64_t step, U element, U output)
      : stream_(key, random::Purpose::pulse_noise, step), element_(element), first_draw_((output & U(3U)) + U(1U)) {}

  // The noise of pulses `pulse` and `pulse + 1`; an odd number.
  [[gnu::always_inline]] void pair(std::uint32_t pulse, F& first, F& second) {
    const std::uint32_t number = (pulse - 1) % random::block_gaussians;
    if (number == 0) {
      const std::uint32_t block = (pulse - 1) / random::block_gaussians;
      drawn_ = stream_.words_of_draws(first_draw_ + U(4 * block), element_);
    }
    if (number % 4 == 0) four_ = {drawn_.word[number / 2], drawn_.word[number / 2 + 1]};
    random::two_gaussians(number % 4 == 0 ? four_.first : four_.second, first, second);
  }

 private:
  random::PulseStream stream_;
  U element_;
  U first_draw_;
  random::WordsOf<U> drawn_;
  random::FourGaussians<U> four_;
};

// How many pulses each device may take at once.
template <class V, class Model, class Lanes>
typename V::U most_at_once(const Model& model, const Lanes& lanes, bool pulse_by_pulse) {
  return pulse_by_pulse ? typename V::U(1U) : model.most_at_once(lanes);
}

// Several pulses for devices that may not take all of theirs at once: as many at a time as they may, `most` at most.
template <class V, class Model, class Lanes>
[[gnu::noinline]] typename V::F pulse_in_turn(const Model& model, Lanes& lanes, typename V::U most, typename V::F w,
                                              typename V::U n, typename V::M up, typename V::F first_noise,
                                              LaterNoise<V>& later) {
  using F = typename V::F;
  using U = typename V::U;
  const auto smaller = [](U a, U b) { return select(greater(a, b), b, a); };
  const U one(1U);
  const U few(device::few_pulses_at_once);
  F xi = first_noise;
  F next{};
  U left = n;
  for (std::uint32_t pulse = 0;; ++pulse) {
    if (pulse % 2 == 1) {
      later.pair(pulse, xi, next);
    } else if (pulse > 0) {
      xi = next;
    }
    const auto step = model.step(lanes, w, up);
    U now = smaller(left, most);
    if constexpr (!device::HasState<Model>) {
      const auto refused = [&](U count) __attribute__((always_inline)) {
        return device::refused<V>(lanes, w, step, count, step(count), model.meets());
      };
      if (any(greater(now, one))) {
        const auto too_many = refused(now);
        if (any(too_many)) {
          const U fewer = smaller(now, few);
          now = select(too_many, select(refused(fewer), smaller(now, one), fewer), now);
        }
      }
    }
    w = clamp(step(now)(xi), lanes.w_min, lanes.w_max);
    left = left - now;
    if (!any(nonzero(left))) return w;
  }
}

// What moves devices in loops that are compiled for bounds that several pulses might meet: a model may have something
// simpler for these than for all devices.
template <class Meets, class Model> [[gnu::always_inline]] inline decltype(auto) usual(const Model& model) {
  if constexpr (!std::is_same_v<Meets, device::Meets> && requires { model.usual(); }) {
    return model.usual();
  } else {
    return (model);
  }
}

template <class Model> inline constexpr std::size_t planes_of = device::pulsed_planes + Model::extra_planes.size();

// The devices of four inputs, sixteen outputs at a time, all samples of a chunk: first the noise of the block, then its
// inputs. Either part is a loop without long chains of operations that wait for each other.
template <class Model> class DenseQuad {
 public:
  DenseQuad(const Model& model, const Request& request, const KernelTarget& target, std::size_t quad)
      : model_(model), request_(request), target_(target), trains_(request.trains), quad_(quad) {}

  void update() {
    std::uint64_t quad_samples = 0;
    for (std::size_t r = 0; r < quad_inputs; ++r) {
      input_samples_[r] = trains_.x_active(quad_ * quad_inputs + r) & request_.samples;
      quad_samples |= input_samples_[r];
    }
    if (quad_samples == 0 && request_.snapshots.empty()) return;
    const Ahead ahead = next_quad();
    for (std::size_t group = 0; group < target_.stride / group_outputs; ++group) {
      std::uint64_t samples = coinciding(group, quad_samples & trains_.d_active(group));
      fetch(ahead, group);
      if (samples != 0) {
        const U32 elements = target_.elements.of_block(group, quad_);
        const std::uint64_t numbered = samples & trains_.numbered();
        if (samples != numbered) draw_noise(elements, samples & ~numbered);
        if (numbered != 0) draw_numbered_noise(group, numbered);
        single_ = target_.shown() && std::has_single_bit(samples);
        if (single_) draw_write_noise(elements, static_cast<std::uint64_t>(std::countr_zero(samples)));
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
  // Inputs that are moved together: the more, the longer the chain of operations from a weight to the next, and the
  // slower the devices of inputs that never pulse beside others that do.
  static constexpr std::size_t together = Model::inputs_in_flight;

  // Places of the first devices of the next quad's inputs that pulse; none if there is no such quad nearby.
  struct Ahead {
    std::size_t place[quad_inputs];
    std::size_t count = 0;
  };
  [[nodiscard]] Ahead next_quad() const {
    Ahead ahead;
    const std::size_t end = std::min(quad_ + 1 + fetch_distance, target_.inputs / quad_inputs);
    for (std::size_t quad = quad_ + 1; quad < end && ahead.count == 0; ++quad) {
      for (std::size_t input = quad * quad_inputs; input < (quad + 1) * quad_inputs; ++input) {
        if ((trains_.x_active(input) & request_.samples) != 0) ahead.place[ahead.count++] = input * target_.stride;
      }
    }
    return ahead;
  }
  static constexpr std::size_t fetch_distance = 8;

  // Devices of the next quad come from memory while this one is moved: their many arrays are short stretches, too short
  // for the processor to foresee. (Inlined by force: a function that only fetches has no effect, to a compiler.)
  [[gnu::always_inline]] void fetch(const Ahead& ahead, std::size_t group) const {
    for (std::size_t i = 0; i < ahead.count; ++i) {
      const std::size_t at = ahead.place[i] + group * group_outputs;
      __builtin_prefetch(target_.weight + at, 1, 2);
      for (std::size_t p = 0; p < planes_of<Model>; ++p) __builtin_prefetch(target_.planes[p] + at, 0, 2);
      if (target_.shown()) __builtin_prefetch(target_.visible + at, 1, 2);
      if (target_.undrawn != nullptr) __builtin_prefetch(target_.undrawn + at, 1, 2);
    }
  }

  // The samples in which a line of either side pulses in the same slot.
  [[nodiscard]] std::uint64_t coinciding(std::size_t group, std::uint64_t samples) const {
    if (!trains_.slots()) return samples;
    std::uint64_t result = 0;
    for (std::uint64_t left = samples; left != 0; left &= left - 1) {
      const auto s = static_cast<std::size_t>(std::countr_zero(left));
      const std::uint32_t* x = trains_.x_bits(quad_, s);
      const std::uint32_t* d = trains_.d_bits(group, s);
      bool any = false;
      if (trains_.words() == 1) {
        any = simd::any(simd::nonzero(U32::load(d) & U32((x[0] | x[1]) | (x[2] | x[3]))));
      } else {
        any = simd::any(simd::nonzero((U32::load(d) & U32((x[0] | x[2]) | (x[4] | x[6]))) |
                                      (U32::load(d + 16) & U32((x[1] | x[3]) | (x[5] | x[7])))));
      }
      result |= static_cast<std::uint64_t>(any) << s;
    }
    return result;
  }

  // A gaussian for each device of the block, as integers of half a lane each.
  struct BlockNoise {
    alignas(64) std::uint32_t of_pair[quad_inputs * group_outputs / 2];  // of neighbouring outputs
    [[nodiscard, gnu::always_inline]] F32 of_input(std::size_t i) const {
      return random::load_gaussians(of_pair + i * group_outputs / 2);
    }
  };

  // The noise of the first pulses of the block, for some samples.
  [[gnu::noinline]] void draw_noise(U32 elements, std::uint64_t samples) {
    const std::uint64_t first = request_.first_step;
    while (samples != 0) {
      const auto s = static_cast<std::size_t>(std::countr_zero(samples));
      const FirstNoise noise(request_.noise, first + s);
      const auto block = noise.stream.words(elements, 0);
      if (noise.half == 0) store(noise_[s], block.word[0], block.word[1]);
      // The second sample of the pair is the next one, or this one where the pair began before the chunk.
      const std::size_t second = noise.half == 0 ? s + 1 : s;
      if (second < chunk_samples && (samples >> second & 1) != 0) store(noise_[second], block.word[2], block.word[3]);
      samples &= ~std::uint64_t{0} << 1 << second;
      if (second + 1 >= chunk_samples) return;
    }
  }
  // The same of samples that number the outputs that pulse. Sixteen of them have numbers in three blocks of eight at
  // most, so that one call is enough for four inputs.
  [[gnu::noinline]] void draw_numbered_noise(std::size_t group, std::uint64_t samples) {
    for (std::uint64_t left = samples; left != 0; left &= left - 1) {
      const auto s = static_cast<std::size_t>(std::countr_zero(left));
      const std::uint64_t step = request_.first_step + s;
      std::uint32_t number = trains_.number_of_first(group, s);
      const std::uint32_t first_block = number / random::block_gaussians;
      alignas(64) std::uint32_t elements[16];
      for (std::size_t lane = 0; lane < 16; ++lane) {
        elements[lane] = target_.elements.of_numbers(first_block + lane / 4, quad_ * quad_inputs + lane % 4, step);
      }
      alignas(64) std::uint32_t pairs[random::block_gaussians / 2][16];
      const FirstNoise noise(request_.noise, step);
      random::store_pairs(noise.stream.words(U32::load(elements), 0), pairs[0]);
      BlockNoise& block = noise_[s];
      std::ranges::fill(block.of_pair, 0U);
      for (std::uint32_t pulsing = trains_.d_pulsing(group, s); pulsing != 0; pulsing &= pulsing - 1, ++number) {
        const auto output = static_cast<std::size_t>(std::countr_zero(pulsing));
        const std::size_t gaussian = number % random::block_gaussians;
        const std::uint32_t* pair = pairs[gaussian / 2] + 4 * (number / random::block_gaussians - first_block);
        for (std::size_t i = 0; i < quad_inputs; ++i) {
          const std::uint32_t half = pair[i] >> 16 * (gaussian % 2) & 0xFFFFU;
          block.of_pair[(i * group_outputs + output) / 2] |= half << 16 * (output % 2);
        }
      }
    }
  }
  // Of an input they lie side by side, as its devices do.
  [[gnu::always_inline]] static void store(BlockNoise& noise, U32 word, U32 next) {
    const random::FourGaussians<U32> four(word, next);
    simd::store_transposed(four.first, four.second, noise.of_pair);
  }
  // The write noise of the block in the only sample that it has: all devices in one call of the generator.
  [[gnu::noinline]] void draw_write_noise(U32 elements, std::uint64_t sample) {
    const random::PulseStream write(request_.noise, random::Purpose::write_noise, request_.first_step + sample);
    const auto block = write.words(elements, 0);
    store(write_noise_, block.word[0], block.word[1]);
  }

  [[nodiscard]] bool shows(const Snapshot& snapshot, std::size_t group) const {
    return snapshot.line == Snapshot::Line::column ? snapshot.index / quad_inputs == quad_
                                                   : snapshot.index / group_outputs == group;
  }
  void take(const Snapshot& snapshot, std::size_t group) const {
    if (snapshot.line == Snapshot::Line::column) {
      line_seen(request_, target_, group, snapshot.index).store(snapshot.values + group * group_outputs);
    } else {
      for (std::size_t input = quad_ * quad_inputs; input < (quad_ + 1) * quad_inputs; ++input) {
        snapshot.values[input] = device_seen(request_, target_, snapshot.index, input);
      }
    }
  }

  // What the inner loop is compiled for: other settings are read as it goes.
  void move(std::size_t group, std::uint64_t samples) {
    if (samples == 0) return;
    const bool traced = target_.traced();
    const device::Meets meets = model_.meets();
    constexpr std::integral_constant<device::Meets, Model::usually_meets> usual;
    if (!trains_.slots() || trains_.words() != 1 || request_.directions != Directions::both ||
        target_.pulses_left != nullptr)
      return move<false>(group, samples, traced, meets);
    if (meets == device::Meets::both)
      return move<true>(group, samples, traced, std::integral_constant<device::Meets, device::Meets::both>{});
    if (meets != usual) return move<false>(group, samples, traced, meets);
    if (traced) return move<true>(group, samples, true, usual);
    return move<true>(group, samples, std::false_type{}, usual);
  }

  template <bool simple, class Flag, class Meets>
  [[gnu::noinline]] void move(std::size_t group, std::uint64_t samples, Flag traced, Meets meets) {
    for (std::size_t first = 0; first < quad_inputs; first += together) {
      std::uint64_t own = 0;
      for (std::size_t i = first; i < first + together; ++i) own |= input_samples_[i];
      if ((own & samples) != 0) move<simple>(group, first, own & samples, traced, meets);
    }
  }

  // Inputs `first` ... of the quad and a group of outputs, through some samples. Simple: trains of one word, for both
  // directions, of devices that last. Traced: which devices were pulsed is of interest.
  template <bool simple, class Flag, class Meets>
  [[gnu::always_inline]] void move(std::size_t group, std::size_t first, std::uint64_t samples, Flag traced,
                                   Meets meets) {
    const Model& model = model_;
    const bool wearing = !simple && target_.pulses_left != nullptr;
    const std::size_t words = simple ? 1 : static_cast<std::size_t>(trains_.words());
    const std::uint32_t* x_bits = trains_.x_bits(quad_, 0) + first * words;
    const std::uint32_t* d_bits = trains_.d_bits(group, 0);
    const std::uint8_t* x_negative = trains_.x_negative(quad_);
    const std::uint16_t* d_negative = trains_.d_negative(group);
    const std::size_t origin = place(group, first);
    typename Model::template Lanes<V> lanes[together];
    U32 most[together];  // pulses at once
    F32 w[together];
    U32 last[together];  // 1 + the sample of the last pulse
    U32 pulses_left[together];
    simd::unrolled<together>([&](auto r) __attribute__((always_inline)) {
      const std::size_t at = origin + r * target_.stride;
      lanes[r] = model.load(device::Neighbours{target_.planes, at});
      most[r] = most_at_once<V>(model, lanes[r], request_.pulse_by_pulse);
      w[r] = F32::load(target_.weight + at);
      last[r] = U32(0U);
      pulses_left[r] = wearing ? simd::round_to_int(F32::load(target_.pulses_left + at)) : U32(0U);
    });
    for (std::uint64_t left = samples; left != 0; left &= left - 1) {
      const auto s = static_cast<std::size_t>(std::countr_zero(left));
      const std::uint32_t* x = x_bits + s * quad_inputs * words;
      const std::uint32_t* d = d_bits + s * group_outputs * words;
      const std::uint32_t d_signs = d_negative[s];
      const std::uint32_t x_signs = static_cast<std::uint32_t>(x_negative[s]) >> first;
      simd::unrolled<together>([&](auto r) __attribute__((always_inline)) {
        U32 n = simple ? simd::popcount(U32(x[r]) & U32::load(d))
                       : coincidences(trains_, x + r * words, d, trains_.divisor(s));
        Mask up = Mask::of(d_signs ^ (0U - (x_signs >> r & 1U)));
        if (!simple) take(n, up);
        if (wearing) {
          n = simd::select(simd::greater(n, pulses_left[r]), pulses_left[r], n);
          pulses_left[r] = pulses_left[r] - n;
        }
        const F32 xi = noise_[s].of_input(first + r);
        U32 at_once = n;
        if constexpr (device::HasState<Model>) at_once = simd::select(simd::greater(n, most[r]), U32(0U), n);
        const auto step = usual<Meets>(model).step(lanes[r], w[r], up);
        const auto after = step(at_once);
        // One pulse is never refused.
        const Mask refused = device::refused<V>(lanes[r], w[r], step, n, after, meets);
        const Mask in_turn = (refused & simd::greater(n, U32(1U))) | simd::greater(n, most[r]);
        F32 moved = clamp(after(xi), lanes[r].w_min, lanes[r].w_max);
        if (simd::any(in_turn)) [[unlikely]] {
          InTurn few;
          w[r].store(few.weight);
          xi.store(few.noise);
          simd::select(in_turn, n, U32(0U)).store(few.pulses);
          few.up = up.bits();
          if constexpr (device::HasState<Model>) {
            all_in_turn(few, lanes[r], group, first + r, s);
          } else {
            pulse_in_turn(few, group, first + r, s);
          }
          moved = simd::select(in_turn, F32::load(few.weight), moved);
        }
        w[r] = moved;
        if (traced) {
          last[r] = simd::select(simd::nonzero(n), U32(static_cast<std::uint32_t>(s) + 1U), last[r]);
        }
      });
    }
    for (std::size_t r = 0; r < together; ++r) {
      const std::size_t at = origin + r * target_.stride;
      w[r].store(target_.weight + at);
      if constexpr (device::HasState<Model>) model.state(lanes[r]).store(target_.state + at);
      if (wearing) simd::to_float(pulses_left[r]).store(target_.pulses_left + at);
      if (traced) trace(group, first + r, at, w[r], last[r]);
    }
  }

  // Sixteen devices that take their pulses in turn. In memory, so that the loop that calls for them keeps its values in
  // registers, of which sixteen lanes may need several.
  struct InTurn {
    alignas(64) float weight[group_outputs];
    alignas(64) float noise[group_outputs];  // of the first pulse
    alignas(64) std::uint32_t pulses[group_outputs];
    std::uint32_t up;
  };
  // The devices are loaded once more: the loop above would have to keep them in memory for it.
  [[gnu::noinline]] void pulse_in_turn(InTurn& few, std::size_t group, std::size_t input_of_quad, std::size_t s) const {
    const std::uint32_t chosen = simd::nonzero(U32::load(few.pulses)).bits();
    if (std::popcount(chosen) <= one_by_one) {
      for (std::uint32_t left = chosen; left != 0; left &= left - 1) {
        pulse_one_in_turn(few, static_cast<std::size_t>(std::countr_zero(left)), group, input_of_quad, s);
      }
      return;
    }
    auto lanes = model_.load(device::Neighbours{target_.planes, place(group, input_of_quad)});
    all_in_turn(few, lanes, group, input_of_quad, s);
  }
  [[gnu::noinline]] void all_in_turn(InTurn& few, typename Model::template Lanes<V>& lanes, std::size_t group,
                                     std::size_t input_of_quad, std::size_t s) const {
    LaterNoise<V> later(request_.noise, request_.first_step + s,
                        target_.elements.of_line(group, quad_ * quad_inputs + input_of_quad), simd::lane_index());
    pulse::pulse_in_turn<V>(model_, lanes, most_at_once<V>(model_, lanes, request_.pulse_by_pulse),
                            F32::load(few.weight), U32::load(few.pulses), Mask::of(few.up), F32::load(few.noise), later)
        .store(few.weight);
  }

  // So few of sixteen devices take less time one after the other.
  static constexpr int one_by_one = 3;
  void pulse_one_in_turn(InTurn& few, std::size_t lane, std::size_t group, std::size_t input_of_quad,
                         std::size_t s) const {
    const std::size_t input = quad_ * quad_inputs + input_of_quad;
    const std::size_t output = group * group_outputs + lane;
    auto lanes = model_.load(device::OneDevice{target_.planes, input * target_.stride + output});
    LaterNoise<simd::Single> later(request_.noise, request_.first_step + s,
                                   simd::U1(target_.elements.of(output, input)),
                                   simd::U1(static_cast<std::uint32_t>(output)));
    few.weight[lane] = pulse::pulse_in_turn<simd::Single>(
                           model_, lanes, most_at_once<simd::Single>(model_, lanes, request_.pulse_by_pulse),
                           simd::F1(few.weight[lane]), simd::U1(few.pulses[lane]), simd::M1{(few.up >> lane & 1U) != 0},
                           simd::F1(few.noise[lane]), later)
                           .v;
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

  // Of the first device of the group.
  [[nodiscard]] std::size_t place(std::size_t group, std::size_t input_of_quad) const {
    return (quad_ * quad_inputs + input_of_quad) * target_.stride + group * group_outputs;
  }

  // What the pulses have left behind beside the weight.
  [[gnu::always_inline]] void trace(std::size_t group, std::size_t input_of_quad, std::size_t at, F32 w, U32 last) {
    const Mask touched = simd::nonzero(last);
    if (!simd::any(touched)) return;
    if (target_.age != nullptr) {
      simd::select(touched, F32(0.0F), F32::load(target_.age + at)).store(target_.age + at);
    }
    if (target_.undrawn != nullptr) {
      const U32 marks = last + U32(UndrawnNoise::mark(request_.first_step) - 1U);
      simd::select(touched, marks, U32::load(target_.undrawn + at)).store(target_.undrawn + at);
    } else if (target_.visible != nullptr) {
      show(group, input_of_quad, at, w, last);
    }
  }
  [[gnu::noinline]] void show(std::size_t group, std::size_t input_of_quad, std::size_t at, F32 w, U32 last) {
    const Mask touched = simd::nonzero(last);
    const F32 noise = single_ ? write_noise_.of_input(input_of_quad) : write_noise(group, input_of_quad, last);
    const F32 now = seen(target_, model_.load(device::Neighbours{target_.planes, at}), w, noise);
    simd::select(touched, now, F32::load(target_.visible + at)).store(target_.visible + at);
  }

  // The noise of the visible weight was drawn by each pulse; only the last one is still to be seen.
  [[nodiscard]] F32 write_noise(std::size_t group, std::size_t input_of_quad, U32 last) const {
    const random::PulseStream write(request_.noise, random::Purpose::write_noise, request_.first_step);
    const U32 step_low = last + U32(static_cast<std::uint32_t>(request_.first_step) - 1U);
    const U32 elements = target_.elements.of_line(group, quad_ * quad_inputs + input_of_quad);
    return random::table_gaussian(write.words_of_steps(step_low, elements, 0), 0, simd::lane_index());
  }

  const Model& model_;
  const Request& request_;
  const KernelTarget& target_;
  const Trains& trains_;
  const std::size_t quad_;
  std::uint64_t input_samples_[quad_inputs] = {};  // in which the line of an input pulses
  BlockNoise noise_[chunk_samples];
  bool single_ = false;  // whether the block has one sample only, whose write noise is drawn
  BlockNoise write_noise_;
};

// Some coincidences of a few quads of inputs, and the calls of the generator that their noise needs.
struct Coincidences {
  static constexpr std::size_t most = 1024;
  static constexpr std::uint32_t sign = 0x80000000U;
  alignas(64) std::uint32_t place[most];  // of the device, from the first one on; the sign bit: it goes up
  alignas(64) std::uint32_t count[most];
  alignas(64) std::uint32_t sample[most];
  alignas(64) std::uint32_t gaussian[most];  // where its noise is
  std::size_t size = 0;
  alignas(64) std::uint32_t call_element[most];
  alignas(64) std::uint32_t call_sample[most];
  std::size_t calls = 0;
  std::uint64_t samples = 0;  // that they come from
  U32 bits;                   // of all counts

  void clear() {
    size = 0;
    calls = 0;
    samples = 0;
    bits = U32(0U);
  }
  // Lines are looked at by sixteens, and need no more calls than there are coincidences.
  [[nodiscard]] static bool full(std::size_t hits) { return hits + 32 > most; }
  [[nodiscard]] bool full() const { return full(size); }
  // Whether a crosspoint has more than one.
  [[nodiscard]] bool several() const { return simd::any(simd::greater(bits, U32(1U))); }

  // Where gaussian g of a call is: those of sixteen calls lie side by side.
  [[nodiscard]] static U32 place_of(U32 call, U32 g) {
    const U32 lane = call & U32(15U);
    return simd::shift_left<3>(call - lane) + lane + simd::shift_left<4>(g);
  }

  // Collects the lines of sample s, from number `first` of its list on, that coincide with the train x of an input, as
  // many as there is room for. Returns the number to go on from.
  std::size_t collect(const Request& request, std::size_t s, const std::uint32_t* x, bool negative, std::size_t first,
                      const random::DeviceElements& elements, std::size_t input, std::size_t origin) {
    const Trains& trains = request.trains;
    const std::size_t length = trains.list_length(s);
    const std::uint32_t* outputs = trains.list_outputs(s);
    const std::uint64_t step = request.first_step + s;
    const bool numbered = (trains.numbered() >> s & 1) != 0;
    const bool single = trains.words() == 1 && std::has_single_bit(x[0]);
    const U32 low(x[0]);
    const U32 high(x[trains.words() - 1]);
    const U32 shift(static_cast<std::uint32_t>(origin));
    const U32 flip(negative ? sign : 0U);
    const U32 of_sample(static_cast<std::uint32_t>(s));
    samples |= std::uint64_t{1} << s;
    std::size_t hits = size;
    std::size_t asked = calls;
    // Asks for an element's gaussians if one of its coincidences wants them. Returns where they are, twice.
    const auto ask = [&](std::uint32_t element, std::uint32_t wanted) __attribute__((always_inline)) {
      call_element[asked] = element;
      call_sample[asked] = static_cast<std::uint32_t>(s);
      const U32 at = place_of(U32(static_cast<std::uint32_t>(asked)), simd::lane_index() & U32(7U));
      asked += wanted != 0 ? 1 : 0;
      return at;
    };
    std::size_t i = first;
    for (; i < length && !full(hits); i += 16) {
      U32 n = simd::popcount(U32::load(trains.list_bits(s, 0) + i) & low);
      if (trains.words() == 2) n = n + simd::popcount(U32::load(trains.list_bits(s, 1) + i) & high);
      const Mask hit = simd::nonzero(n);
      if (!simd::any(hit)) continue;
      const U32 listed = U32::load(outputs + i);
      if (numbered) {
        const U32 early = ask(elements.of_numbers(i / 8, input, step), hit.bits() & 0xFFU);
        const U32 late = ask(elements.of_numbers(i / 8 + 1, input, step), hit.bits() >> 8);
        (void)simd::compress_store(gaussian + hits, simd::select(Mask::of(0xFFU), early, late), hit);
      } else {
        (void)simd::compress_store(call_element + asked, elements.of(simd::andnot(U32(sign), listed), input), hit);
        of_sample.store(call_sample + asked);
        (void)simd::compress_store(gaussian + hits, listed & U32(3U), hit);
        const U32 all = simd::lane_index() + U32(static_cast<std::uint32_t>(asked));
        place_of(all, U32::load(gaussian + hits) + U32(static_cast<std::uint32_t>(4 * (step % 2))))
            .store(gaussian + hits);
        asked += static_cast<std::size_t>(std::popcount(hit.bits()));
      }
      of_sample.store(sample + hits);
      if (single) {
        U32(1U).store(count + hits);
      } else {
        (void)simd::compress_store(count + hits, n, hit);
        bits = bits | n;
      }
      hits += simd::compress_store(place + hits, (listed ^ flip) + shift, hit);
    }
    size = hits;
    calls = asked;
    return i;
  }
};

// The devices of a few quads of inputs, coincidence by coincidence: input by input, so that devices which are pulsed in
// several samples are still in the cache, and for each all samples of a chunk. What inputs have few of, they draw and
// move together.
template <class Model> class SparseQuads {
 public:
  SparseQuads(const Model& model, const Request& request, const KernelTarget& target, std::size_t first_quad,
              std::size_t end_quad)
      : model_(model),
        request_(request),
        target_(target),
        trains_(request.trains),
        first_(first_quad * quad_inputs),
        end_(end_quad * quad_inputs) {}

  void update() {
    const auto words = static_cast<std::size_t>(trains_.words());
    hits_.clear();
    for (std::size_t input = first_; input < end_; ++input) {
      auto snapshot = request_.snapshots.begin();
      for (std::uint64_t left = trains_.x_active(input) & request_.samples; left != 0; left &= left - 1) {
        const auto s = static_cast<std::size_t>(std::countr_zero(left));
        for (; snapshot != request_.snapshots.end() && snapshot->sample < s; ++snapshot) take(*snapshot, input);
        const std::size_t quad = input / quad_inputs;
        const std::uint32_t* x = trains_.x_bits(quad, s) + input % quad_inputs * words;
        const bool negative = (trains_.x_negative(quad)[s] >> input % quad_inputs & 1U) != 0;
        for (std::size_t next = 0; next < trains_.list_length(s);) {
          next =
              hits_.collect(request_, s, x, negative, next, target_.elements, input, (input - first_) * target_.stride);
          if (hits_.full()) move();
        }
      }
      for (; snapshot != request_.snapshots.end(); ++snapshot) take(*snapshot, input);
    }
    if (hits_.size > 0) move();
  }

 private:
  void take(const Snapshot& snapshot, std::size_t input) {
    const bool column = snapshot.line == Snapshot::Line::column;
    if (column && snapshot.index != input) return;
    if (hits_.size > 0) move();
    if (column) {
      for (std::size_t group = 0; group < target_.stride / group_outputs; ++group) {
        line_seen(request_, target_, group, input).store(snapshot.values + group * group_outputs);
      }
    } else {
      snapshot.values[input] = device_seen(request_, target_, snapshot.index, input);
    }
  }

  void move() {
    draw_noise();
    if (target_.shown()) draw_write_noise();
    const bool simple = request_.directions == Directions::both && !target_.traced();
    const bool several = hits_.several() || request_.pulse_by_pulse;
    if (target_.pulses_left != nullptr) {
      move<true, true, false>();
    } else if (several) {
      simple ? move<true, false, true>() : move<true, false, false>();
    } else {
      simple ? move<false, false, true>() : move<false, false, false>();
    }
    hits_.clear();
  }

  // Of one sample most of the work is the same for all lanes.
  [[gnu::noinline]] void draw_noise() {
    const bool one_sample = std::has_single_bit(hits_.samples);
    const FirstNoise noise(request_.noise, request_.first_step + hits_.sample[0]);
    for (std::size_t i = 0; i < hits_.calls; i += 16) {
      const U32 elements = U32::load(hits_.call_element + i);
      const auto words = one_sample ? noise.stream.words(elements, 0)
                                    : noise.stream.words_of_steps(pairs(U32::load(hits_.call_sample + i)), elements, 0);
      random::store_gaussians(words, gaussians_ + i * random::block_gaussians);
    }
  }
  // The steps of FirstNoise.
  [[nodiscard]] U32 pairs(U32 samples) const {
    const std::uint64_t first = request_.first_step;
    const U32 halves = samples + U32(static_cast<std::uint32_t>(first % 2));
    return simd::shift_right<1>(halves) + U32(static_cast<std::uint32_t>(first / 2));
  }

  [[gnu::noinline]] void draw_write_noise() {
    const bool one_sample = std::has_single_bit(hits_.samples);
    const random::PulseStream write(request_.noise, random::Purpose::write_noise,
                                    request_.first_step + (one_sample ? hits_.sample[0] : 0));
    alignas(64) std::uint32_t elements[16] = {};
    for (std::size_t i = 0; i < hits_.size; i += 16) {
      for (std::size_t hit = i; hit < std::min(i + 16, hits_.size); ++hit)
        elements[hit - i] = element(hits_.place[hit]);
      // Inputs have a multiple of sixteen places: those of outputs and places that matter here are the same.
      const U32 place = U32::load(hits_.place + i);
      const U32 steps = U32::load(hits_.sample + i) + U32(static_cast<std::uint32_t>(request_.first_step));
      const auto words =
          one_sample ? write.words(U32::load(elements), 0) : write.words_of_steps(steps, U32::load(elements), 0);
      random::table_gaussian(words, 0, place).store(write_noise_ + i);
    }
  }
  // Of the device at a place.
  [[nodiscard]] std::uint32_t element(std::uint32_t place) const {
    const std::size_t at = place & ~Coincidences::sign;
    return target_.elements.of(at % target_.stride, first_ + at / target_.stride);
  }

  // Simple: pulses in both directions, of which nothing but the weight is of interest.
  template <bool several, bool wearing, bool simple> [[gnu::noinline]] void move() {
    const std::size_t origin = first_ * target_.stride;
    const Model model = model_;
    float* weight = target_.weight + origin;
    const std::uint32_t* places = hits_.place;
    const std::uint32_t* counts = hits_.count;
    const std::uint32_t* gaussian = hits_.gaussian;
    const float* gaussians = gaussians_;
    const float* planes[planes_of<Model>];
    for (std::size_t p = 0; p < planes_of<Model>; ++p) planes[p] = target_.planes[p] + origin;
    const bool reversing = !simple && request_.directions == Directions::reversed;
    const std::uint32_t reversed = reversing ? Coincidences::sign : 0U;
    const bool one_sided = !simple && request_.directions != Directions::both && !reversing;
    const bool mine = request_.directions != Directions::down_as_up;
    const bool traced = !simple && target_.traced();
    for (std::size_t i = 0; i < hits_.size; ++i) {
      const std::uint32_t place = places[i] & ~Coincidences::sign;
      simd::M1 up{((places[i] ^ reversed) & Coincidences::sign) != 0};
      if (one_sided) {
        if (up.v != mine) continue;
        up.v = true;
      }
      auto lanes = model.load(device::OneDevice{planes, place});
      simd::F1 w(weight[place]);
      simd::U1 n(several ? counts[i] : 1U);
      if (wearing) {
        float& left = target_.pulses_left[origin + place];
        n.v = std::min(n.v, static_cast<std::uint32_t>(left));
        if (n.v == 0) continue;
        left -= static_cast<float>(n.v);
      }
      const simd::F1 xi(gaussians[gaussian[i]]);
      if (!several || n.v == 1) {
        w = clamp(model.step(lanes, w, up)(n)(xi), lanes.w_min, lanes.w_max);
        if constexpr (device::HasState<Model>) target_.state[origin + place] = model.state(lanes).v;
      } else {
        w = in_turn(planes, i, w, n, up, xi);
      }
      weight[place] = w.v;
      if (!traced) continue;
      if (target_.age != nullptr) target_.age[origin + place] = 0;
      if (target_.undrawn != nullptr) {
        target_.undrawn[origin + place] = UndrawnNoise::mark(request_.first_step + hits_.sample[i]);
      }
      if (!target_.shown()) continue;
      target_.visible[origin + place] = seen(target_, lanes, w, simd::F1(write_noise_[i])).v;
    }
  }

  // Apart, so that the loop above keeps its devices in registers.
  [[gnu::noinline]] simd::F1 in_turn(const float* const* planes, std::size_t hit, simd::F1 w, simd::U1 n, simd::M1 up,
                                     simd::F1 xi) const {
    const std::uint32_t place = hits_.place[hit] & ~Coincidences::sign;
    auto lanes = model_.load(device::OneDevice{planes, place});
    const simd::U1 most = most_at_once<simd::Single>(model_, lanes, request_.pulse_by_pulse);
    if constexpr (!device::HasState<Model>) {
      const auto step = model_.step(lanes, w, up);
      const auto after = step(n);
      if (n.v <= most.v && !device::refused<simd::Single>(lanes, w, step, n, after, model_.meets()).v) {
        return clamp(after(xi), lanes.w_min, lanes.w_max);
      }
    }
    LaterNoise<simd::Single> later(request_.noise, request_.first_step + hits_.sample[hit], simd::U1(element(place)),
                                   simd::U1(place));
    const simd::F1 moved = pulse_in_turn<simd::Single>(model_, lanes, most, w, n, up, xi, later);
    if constexpr (device::HasState<Model>) {
      target_.state[first_ * target_.stride + place] = model_.state(lanes).v;
    }
    return moved;
  }

  const Model& model_;
  const Request& request_;
  const KernelTarget& target_;
  const Trains& trains_;
  const std::size_t first_, end_;  // inputs
  Coincidences hits_;
  alignas(64) float gaussians_[Coincidences::most * random::block_gaussians];  // of the calls
  alignas(64) float write_noise_[Coincidences::most];
};

}  // namespace mho::pulse
