// Several pulses in one step.
//
// A model moves devices by n pulses at once, with one gaussian, where that is exact in distribution or within the error
// that is allowed (mean to 0.2 %, variance to 1 %, skewness to 0.05 of those of n single pulses): for n up to a number
// that may depend on the device, where the model's formula is fine at the present weight, and where even noise that is
// far out would not lead the n pulses to a bound. Elsewhere fewer pulses are taken at a time, down to one, which the
// same formula does with n = 1. All that depends on nothing but parameters of model and device, the weight and n, so
// that a device takes the same steps whichever kernel moves it, and whatever moves beside it.
//
// A model gives the step of its devices at their weights, model.step(lanes, w, up). That is a function of the number of
// pulses, and step(n) in turn is one of their gaussian: step(n)(xi) is the weight after them, before it is cut off at
// the bounds. A step that is too coarse for several pulses at once at some weights says so by step.too_coarse(n), and
// one that has something faster than step(n)(far_sigma) - w gives that as step.reach(n).
#pragma once

#include <cmath>
#include <cstdint>

#include "mho/device/pulsed.h"

namespace mho::device {

// Numbers of pulses that may be taken at once are of this form, 2^k - 1, and at most the largest.
inline constexpr std::uint32_t most_pulses_at_once = 15;
inline constexpr std::uint32_t few_pulses_at_once = 3;

// A weight this many sigma of n pulses from where they would meet a bound takes them at once. Of those that meet it all
// the same the step is off by 6e-5 of those sigma on average: with a noise of 5 steps that is 0.02 % of the mean of 3.
inline constexpr float far_sigma = 3.5F;

// With a spread of up to this much, a step against its direction is so rare and so small that one that is cut off at
// the bound behind the device changes mean, variance and skewness of several pulses by less than what is allowed (0.04
// %, 0.06 % and 0.01 at 0.4).
inline constexpr double rarely_reversed = 0.4;

// The bounds that several pulses at once might meet: none, of steps that shrink to nothing there; the one that they
// lead to; or, with noise that often reverses a step, the one behind as well.
enum class Meets : std::uint8_t { none, ahead, both };

inline Meets meets_by_noise(double noise) { return noise > rarely_reversed ? Meets::both : Meets::ahead; }

// How far n pulses of size 1 lead, but for very few.
inline double pulse_reach(double n, double noise) { return n + static_cast<double>(far_sigma) * noise * std::sqrt(n); }

// As many pulses at once as stay in the neighbourhood of where they begin, of steps that change quickly from there on.
inline std::uint32_t most_within_reach(const PulsedParameters& p) {
  const double step = std::fmax(p.nominal_up(), p.nominal_down());
  std::uint32_t most = most_pulses_at_once;
  while (most > 1 && pulse_reach(most, p.dw_min_ctoc) * step > 0.15 * (p.w_max - p.w_min)) most /= 2;
  return most;
}

// A function of the number of pulses.
struct CountTable {
  alignas(64) float values[most_pulses_at_once + 1];
  template <class Function> explicit CountTable(Function&& f) {
    for (std::uint32_t n = 0; n <= most_pulses_at_once; ++n) values[n] = static_cast<float>(f(static_cast<double>(n)));
  }
  template <class U> [[nodiscard]] auto operator()(U n) const { return look_up(values, n); }
};

// Devices at weights w that may not take n pulses at once, though they are not too many in themselves. `step` is what
// their model says of these weights, `after` is step(n), and `meets` that of the model.
template <class V, class Lanes, class Step, class After>
[[gnu::always_inline]] inline typename V::M refused(const Lanes& lanes, typename V::F w, const Step& step,
                                                    typename V::U n, const After& after, Meets meets) {
  using F = typename V::F;
  typename V::M result{};
  if constexpr (requires { step.too_coarse(n); }) result = step.too_coarse(n);
  if (meets == Meets::none) return result;
  // Behind, it is the first of the pulses that may lead furthest: as far as all of them ahead, at most.
  const F room = min(lanes.w_max - w, w - lanes.w_min);
  if constexpr (requires { step.reach(n); }) {
    const F reach = step.reach(n);
    if (meets == Meets::both) return result | (abs(reach) > room);
    return result | (w + reach > lanes.w_max) | (w + reach < lanes.w_min);
  } else {
    const F far = after(F(far_sigma));
    if (meets == Meets::both) return result | (abs(far - w) > room);
    return result | (far > lanes.w_max) | (far < lanes.w_min);
  }
}

}  // namespace mho::device
