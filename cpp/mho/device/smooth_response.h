// Several pulses at once for devices whose mean step is a smooth function f of the weight, with multiplicative noise.
#pragma once

#include <cstddef>

#include "mho/device/aggregation.h"

namespace mho::device {

// The mean step of one direction at a weight (its sign included) and its derivatives there.
template <class F> struct Response {
  F step;       // f
  F slope;      // f'
  F curvature;  // f''
};

// n small steps, to first order in the slope f' and in f f'': the mean
// n f (1 + (n - 1) f' / 2 + (n - 1)(2 n - 1) f f'' / 12 + (n - 1) sigma^2 f f'' / 4), and the noise of each step
// carried along by the later ones. One step is exact; more are `too_coarse` where what is left out exceeds the error
// that is allowed.
class SmoothPulses {
 public:
  explicit SmoothPulses(double noise)
      : bend_([noise](double n) { return n * (n - 1) * ((2 * n - 1) / 12 + noise * noise / 4); }),
        spread_([noise](double n) { return noise * std::sqrt(n); }),
        spread_bend_([noise](double n) { return noise * std::sqrt(n) * (n - 1) * (2 * n - 1) / 4; }),
        steepest_([noise](double n) {
          if (n < 2) return unlimited;
          const double by_noise = std::sqrt(1.2e-2 / n) / std::fmax(noise, 1e-6);
          return std::fmin(std::fmin(0.06 / n, by_noise), 1 / pulse_reach(n, noise));
        }),
        most_bent_([noise](double n) { return n < 2 ? unlimited : 1e-2 / (n * std::fmax(noise * noise / 4, n / 6)); }),
        skew_(static_cast<float>(noise * noise / 2)),
        reach_([noise](double n) { return pulse_reach(n, noise); }),
        reach_steep_([noise](double n) {
          const double skew = noise * noise / 2 * (static_cast<double>(far_sigma) * static_cast<double>(far_sigma) - 1);
          return std::fmax(n - 1, 0.0) * (pulse_reach(n, noise) - n / 2 + skew);
        }),
        reach_bend_([this](double n) {
          const auto i = static_cast<std::size_t>(n);
          return static_cast<double>(bend_.values[i] + far_sigma * spread_bend_.values[i]);
        }) {}

  // n pulses from weight w on. Not curved: f'' is 0.
  template <class F, bool curved = true> class Step {
   public:
    Step(const SmoothPulses& pulses, const Response<F>& response, F w)
        : pulses_(&pulses),
          step_(response.step),
          slope_(response.slope),
          bend_(response.step * response.curvature),
          w_(w) {}

    template <class U> [[nodiscard, gnu::always_inline]] auto too_coarse(U n) const {
      const auto steep = abs(slope_) > pulses_->steepest_(n);
      if constexpr (!curved) return steep;
      return steep | (abs(bend_) > pulses_->most_bent_(n));
    }
    // The factors of f' and f f'' do not depend on the weight, and so are ready before these are.
    template <class U> [[nodiscard, gnu::always_inline]] auto operator()(U n) const {
      // Member by member: what is copied as a whole goes through memory.
      const SmoothPulses* const p = pulses_;
      const F f = step_;
      const F slope = slope_;
      const F bend = bend_;
      const F w = w_;
      const F count = to_float(n);
      return [=](F xi) __attribute__((always_inline)) {
        const F root = p->spread_(n);
        const F skew = F(p->skew_) * fma(xi, xi, F(-1.0F));
        const F steep = max(count - F(1.0F), F(0.0F)) * fma(root, xi, fma(count, F(0.5F), skew));
        F steps = fma(slope, steep, fma(root, xi, count));
        if constexpr (curved) steps = fma(bend, fma(p->spread_bend_(n), xi, p->bend_(n)), steps);
        return fma(f, steps, w);
      };
    }

    // How far n pulses lead, but for very few: the same with xi = far_sigma.
    template <class U> [[nodiscard, gnu::always_inline]] F reach(U n) const {
      F steps = fma(slope_, pulses_->reach_steep_(n), pulses_->reach_(n));
      if constexpr (curved) steps = fma(bend_, pulses_->reach_bend_(n), steps);
      return step_ * steps;
    }

   private:
    const SmoothPulses* pulses_;
    F step_, slope_, bend_;  // bend: f f''
    F w_;
  };

 private:
  static constexpr double unlimited = 1e30;

  CountTable bend_;
  CountTable spread_, spread_bend_;
  CountTable steepest_, most_bent_;  // f' and f f''
  float skew_;
  CountTable reach_, reach_steep_, reach_bend_;  // of the sum above where xi is far out
};

}  // namespace mho::device
