// Several pulses at once for devices whose mean step is a smooth function f of the weight, with multiplicative noise.
#pragma once

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
        skew_(static_cast<float>(noise * noise / 2)) {}

  // n pulses from weight w on. Not curved: f'' is 0.
  template <class F, bool curved = true> class Step {
   public:
    Step(const SmoothPulses& pulses, const Response<F>& response, F w)
        : pulses_(&pulses), response_(response), bend_(response.step * response.curvature), w_(w) {}

    template <class U> [[nodiscard, gnu::always_inline]] auto too_coarse(U n) const {
      const auto steep = abs(response_.slope) > pulses_->steepest_(n);
      if constexpr (!curved) return steep;
      return steep | (abs(bend_) > pulses_->most_bent_(n));
    }
    template <class U> [[nodiscard, gnu::always_inline]] auto operator()(U n) const {
      const F count = to_float(n);
      const F growth = response_.slope * max(count - F(1.0F), F(0.0F));  // of the step, until the last one
      F mean = fma(count * growth, F(0.5F), count);
      const F root = pulses_->spread_(n);
      F spread = fma(root, growth, root);
      if constexpr (curved) {
        mean = fma(bend_, pulses_->bend_(n), mean);
        spread = fma(bend_, pulses_->spread_bend_(n), spread);
      }
      const F skew = growth * F(pulses_->skew_);
      return [=, step = response_.step, w = w_](F xi) __attribute__((always_inline)) {
        return fma(step, fma(spread, xi, fma(skew, fma(xi, xi, F(-1.0F)), mean)), w);
      };
    }

    [[nodiscard]] const Response<F>& response() const { return response_; }
    [[nodiscard]] F weight() const { return w_; }

   private:
    const SmoothPulses* pulses_;
    Response<F> response_;
    F bend_;
    F w_;
  };

 private:
  static constexpr double unlimited = 1e30;

  CountTable bend_;
  CountTable spread_, spread_bend_;
  CountTable steepest_, most_bent_;  // f' and f f''
  float skew_;
};

}  // namespace mho::device
