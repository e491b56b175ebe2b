// What a kernel works on: one array of one instance, and what a read sees of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mho/device/pulsed.h"
#include "mho/random/device_draws.h"
#include "mho/random/table_gaussian.h"

namespace mho::pulse {

using simd::F32;
using simd::Mask;
using simd::U32;

struct KernelTarget {
  random::DeviceElements elements;
  float* weight;               // persistent weights, (inputs padded to 4) x stride
  float* visible;              // what a read sees where that differs (write noise, states), else null
  std::uint32_t* undrawn;      // where write noise waits for a read: whose, see UndrawnNoise; else null
  const float* const* planes;  // per-device parameters, laid out like the weights
  float* state;                // that of these which pulses change, of models that have one
  std::size_t stride;          // outputs padded to 16
  std::size_t inputs;          // padded to 4
  float write_noise;           // standard deviation, in weight units
  float intervals;             // between the states that a read can see; 0: it can see any weight
  float* age;                  // time since the last pulse, else null
  float* pulses_left;          // that a device lasts, where they are limited, else null

  // Whether somebody wants to know which devices were pulsed.
  [[nodiscard]] bool traced() const { return visible != nullptr || age != nullptr; }
  // Whether what a read sees follows each pulse.
  [[nodiscard]] bool shown() const { return visible != nullptr && undrawn == nullptr; }
};

// What a read sees of a weight: its state, with the noise of the last pulse.
template <class Lanes, class F>
[[gnu::always_inline]] inline F seen(const KernelTarget& target, const Lanes& lanes, F w, F noise) {
  if (target.intervals > 0) w = device::nearest_state(w, lanes.w_min, lanes.w_max, target.intervals);
  return fma(noise, F(target.write_noise), w);
}

// Write noise that is drawn when a read wants to see it. An array of which only single lines are read has few such
// devices among those that are pulsed, and the noise of a pulse is a function of its step, whenever it is drawn. So a
// pulse only leaves the mark of its step, which says that the visible weight is not yet that of the persistent one.
class UndrawnNoise {
 public:
  // The noise of steps that differ from this one in their lower 31 bits only: these are what a mark has room for.
  UndrawnNoise(random::Key key, std::uint64_t step) : key_(key), first_step_(step & ~std::uint64_t{marked - 1}) {}
  bool operator==(const UndrawnNoise&) const = default;

  [[nodiscard]] static std::uint32_t mark(std::uint64_t step) { return marked | static_cast<std::uint32_t>(step); }

  // What a read sees of a group of sixteen outputs of an input.
  [[nodiscard]] F32 line(const KernelTarget& target, std::size_t group, std::size_t input) const {
    const std::size_t at = input * target.stride + group * random::block_outputs;
    const F32 before = F32::load(target.visible + at);
    const U32 marks = U32::load(target.undrawn + at);
    const Mask waiting = simd::nonzero(marks);
    if (!simd::any(waiting)) return before;
    const random::PulseStream stream(key_, random::Purpose::write_noise, first_step_);
    const U32 steps = simd::andnot(U32(marked), marks) | U32(static_cast<std::uint32_t>(first_step_));
    const random::WordBlock words = stream.words_of_steps(steps, target.elements.of_line(group, input), 0);
    const F32 noise = random::table_gaussian(words, 0, simd::lane_index());
    const auto lanes = device::load_pulsed(device::Neighbours{target.planes, at});
    return simd::select(waiting, seen(target, lanes, F32::load(target.weight + at), noise), before);
  }
  // The same of one device.
  [[nodiscard]] float device(const KernelTarget& target, std::size_t output, std::size_t input) const {
    const std::size_t at = input * target.stride + output;
    const std::uint32_t mark = target.undrawn[at];
    if (mark == 0) return target.visible[at];
    const random::PulseStream stream(key_, random::Purpose::write_noise, first_step_ | (mark & ~marked));
    const auto words = stream.words_of_draws(simd::U1(0U), simd::U1(target.elements.of(output, input)));
    const simd::F1 noise = random::table_gaussian(words, 0, simd::U1(static_cast<std::uint32_t>(output)));
    const auto lanes = device::load_pulsed(device::OneDevice{target.planes, at});
    return seen(target, lanes, simd::F1(target.weight[at]), noise).v;
  }

 private:
  static constexpr std::uint32_t marked = 0x80000000U;

  random::Key key_;
  std::uint64_t first_step_;  // that marks can tell of
};

}  // namespace mho::pulse
