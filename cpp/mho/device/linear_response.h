// The response of devices whose mean step is linear in the weight: dw = a + k w, in each direction.
#pragma once

#include <array>

#include "mho/device/aggregation.h"

namespace mho::device {

template <class V> struct LinearLanes {
  using F = typename V::F;
  F up_step, up_slope;      // dw of a potentiation at w: up_step + up_slope w
  F down_step, down_slope;  // dw of a depression at w (negative at 0): down_step + down_slope w
  F w_max, w_min;
};

class LinearResponse {
 public:
  // Soft: with steps that shrink to nothing at the bounds.
  LinearResponse(const PulsedParameters& p, bool multiplicative, bool soft)
      : noise_(p.dw_min_ctoc),
        multiplicative_(multiplicative),
        // A bound at zero has no slope: the step there is cut off.
        shrinks_(soft && multiplicative && p.w_max != 0 && p.w_min != 0),
        skew_(static_cast<float>(noise_ * noise_ / 2)),
        spread_([this](double n) { return noise_ * std::sqrt(n); }) {
    for (std::size_t i = 0; i < several.size(); ++i) steepest_[i] = static_cast<float>(steepest(several[i]));
  }

  [[nodiscard]] Meets meets(bool may_increase) const {
    const Meets hard = meets_by_noise(!multiplicative_ && may_increase ? 1.0 : noise_);
    return shrinks_ && hard == Meets::ahead ? Meets::none : hard;
  }

  // The steeper the slope, the fewer.
  template <class V> [[nodiscard]] typename V::U most_at_once(const LinearLanes<V>& lanes) const {
    using F = typename V::F;
    using U = typename V::U;
    const F slope = max(abs(lanes.up_slope), abs(lanes.down_slope));
    U most(1U);
    for (std::size_t i = 0; i < several.size(); ++i) most = select(slope <= F(steepest_[i]), U(several[i]), most);
    return most;
  }

  // With k the slope, n pulses multiply the distance to the point of no step by n independent factors 1 + k (1 + sigma
  // xi) (multiplicative noise), or make an autoregressive sum (additive noise). Mean, variance and, to first order,
  // skewness of the n-pulse step follow in closed form. `middle` is the mean step in units of the first, to second
  // order in (n - 1) k, and so nearly is the spread of additive noise; of the multiplicative, the square. Where the
  // mean would be off by more than 0.1 % or the variance by more than 0.8 %, the slope is too steep. The steps depend
  // on `at`, which is the weight or moves with it, as the conductance behind it does.
  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const LinearLanes<V>& lanes, typename V::F at, typename V::F w,
                                              typename V::M up) const {
    using F = typename V::F;
    using U = typename V::U;
    const F step = select(up, lanes.up_step, lanes.down_step);
    const F slope = select(up, lanes.up_slope, lanes.down_slope);
    const F f = fma(slope, at, step);
    return [this, w, step, slope, f](U n) __attribute__((always_inline)) {
      const F count = to_float(n);
      const F root = spread_(n);
      const F growth = slope * max(count - F(1.0F), F(0.0F));  // of the step, until the last one
      const F middle = fma(growth, fma(growth, F(0.155F), F(0.5F)), F(1.0F));
      const F skew = growth * F(skew_);
      return [=, multiplicative = multiplicative_](F xi) __attribute__((always_inline)) {
        if (multiplicative) {
          const F steps = fma(root * middle, xi, fma(skew, fma(xi, xi, F(-1.0F)), count));
          return fma(f * middle, steps, w);
        }
        // The sum is rounded once, after the noise: rounding w + dw first would bias small steps.
        return fma(middle, fma(f, count, step * (root * xi)), w);
      };
    };
  }

 private:
  static constexpr std::array<std::uint32_t, 3> several{few_pulses_at_once, 7, most_pulses_at_once};

  // The steepest slope at which n pulses may be taken at once.
  [[nodiscard]] double steepest(std::uint32_t n) const {
    if (!multiplicative_) return std::fmin(0.25 / n, 0.06);
    return std::fmin(std::fmin(0.18 / n, 0.05), std::sqrt(1e-3 / (n * std::fmax(noise_ * noise_, 1e-12))));
  }

  double noise_;
  bool multiplicative_;
  bool shrinks_;
  float skew_;
  CountTable spread_;
  std::array<float, several.size()> steepest_;
};

}  // namespace mho::device
