// The response of devices whose mean step is linear in the weight: dw = a + k w, in each direction.
#pragma once

#include "mho/device/pulsed.h"

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
        most_(soft && multiplicative ? most_pulses_at_once : most_within_reach(p, p.dw_min_ctoc)),
        pairs_([](double n) { return n * (n - 1) / 2; }),
        triples_([](double n) { return n * (n - 1) * (n - 2) / 6; }),
        spread_([this](double n) { return noise_ * std::sqrt(n); }),
        spread_slope_([this](double n) { return noise_ * std::sqrt(n) * (n - 1) * (multiplicative_ ? 1 : 0.5); }),
        spread_square_(
            [this](double n) { return multiplicative_ ? noise_ * std::sqrt(n) * (n - 1) * (n - 2) / 2 : 0; }),
        skew_([this](double n) { return multiplicative_ && n > 0 ? noise_ * noise_ * (n - 1) / 2 : 0; }) {
    // Where slopes are steep, fewer pulses at once leave more devices within the limits.
    const double slope =
        std::fmax(p.nominal_up() / std::fmax(p.w_max, 1e-30), p.nominal_down() / -std::fmin(p.w_min, -1e-30));
    while (most_ > few_pulses_at_once && 1.5 * slope > steepest(most_)) most_ /= 2;
    limits_[0] = limits(most_);
    limits_[1] = limits(few_pulses_at_once);
  }

  [[nodiscard]] std::uint32_t most_at_once() const { return most_; }
  // Behind a device steps are at least as large as at zero where the slope is not positive, but with large noise any
  // step may be reversed.
  [[nodiscard]] bool limits_behind(bool may_increase) const { return may_increase || noise_ > rarely_reversed; }

  template <class V> [[nodiscard]] AggregationRange<V> range(const LinearLanes<V>& lanes, AtOnce count) const {
    using F = typename V::F;
    const Limits& limits = limits_[static_cast<std::size_t>(count)];
    const F most(limits.count);
    // From w, n pulses lead at most to w + n (s + k w) + c s, with c (s + k w) instead where the noise is
    // multiplicative.
    const F reach = most + F(limits.spread_reach);
    const F per_weight = multiplicative_ ? reach : most;
    // Steps that shrink to nothing at a bound never cross it.
    const float soft = multiplicative_ ? 1e-5F : -1.0F;
    const auto ahead = [&](F bound, F step, F slope, F sign) {
      const F limit = fnma(reach, step, bound) / fma(per_weight, slope, F(1.0F));
      const F open = select(abs(fma(slope, bound, step)) <= F(soft) * abs(step), sign * F(unlimited), limit);
      return select(abs(slope) > F(limits.steepest), F(0.0F) - sign * F(unlimited), open);
    };
    const auto behind = [&](F bound, F step, F slope, F sign) {
      const F largest = max(abs(fma(slope, bound, step)), abs(step));
      return fma(sign * F(limits.spread_reach), largest, bound);
    };
    const F plus(1.0F);
    const F minus(-1.0F);
    AggregationRange<V> r{ahead(lanes.w_max, lanes.up_step, lanes.up_slope, plus),
                          ahead(lanes.w_min, lanes.down_step, lanes.down_slope, minus),
                          behind(lanes.w_min, lanes.up_step, lanes.up_slope, plus),
                          behind(lanes.w_max, lanes.down_step, lanes.down_slope, minus)};
    r.include_limits();
    return r;
  }

  // With k the slope, n pulses multiply the distance to the point of no step by n independent factors 1 + k (1 + sigma
  // xi) (multiplicative noise), or make an autoregressive sum (additive noise). Mean, variance and, to first order,
  // skewness of the n-pulse step follow in closed form; their series in n k are cut where the mean is off by less than
  // 0.1 % and the variance by less than 0.6 %.
  template <class V>
  [[nodiscard]] typename V::F pulses(const LinearLanes<V>& lanes, typename V::F w, typename V::M up, typename V::U n,
                                     typename V::F xi) const {
    return pulses_from(lanes, w, w, up, n, xi);
  }
  // The same where the steps depend on something else than the weight, which moves with it: the conductance behind it.
  template <class V>
  [[nodiscard]] typename V::F pulses_from(const LinearLanes<V>& lanes, typename V::F at, typename V::F w,
                                          typename V::M up, typename V::U n, typename V::F xi) const {
    using F = typename V::F;
    const F step = select(up, lanes.up_step, lanes.down_step);
    const F slope = select(up, lanes.up_slope, lanes.down_slope);
    const F f = fma(slope, at, step);
    const F mean = fma(slope, fma(slope, triples_(n), pairs_(n)), to_float(n));
    const F spread = fma(slope, fma(slope, spread_square_(n), spread_slope_(n)), spread_(n));
    const F bent = fma(slope * skew_(n), fma(xi, xi, F(-1.0F)), mean);
    if (multiplicative_) return fma(f, fma(spread, xi, bent), w);
    // The sum is rounded once, after the noise: rounding w + dw first would bias small steps.
    return w + fma(step, spread * xi, f * bent);
  }

 private:
  // The steepest slope at which n pulses may be taken at once.
  [[nodiscard]] double steepest(std::uint32_t n) const {
    const double count = n;
    if (!multiplicative_) return 0.1 / count;
    return std::fmin(0.25 / count, std::sqrt(1e-3 / (count * std::fmax(noise_ * noise_, 1e-12))));
  }

  // Of so many pulses at once.
  struct Limits {
    float count;
    float steepest;
    float spread_reach;  // how far their noise can lead beyond their mean, in steps
  };
  [[nodiscard]] Limits limits(std::uint32_t n) const {
    return {static_cast<float>(n), static_cast<float>(steepest(n)), static_cast<float>(pulse_reach(n, noise_) - n)};
  }

  double noise_;
  bool multiplicative_;
  std::uint32_t most_;
  // Of the mean: n, n (n - 1) / 2, n (n - 1) (n - 2) / 6 times powers of the slope; of the spread likewise.
  CountTable pairs_, triples_;
  CountTable spread_, spread_slope_, spread_square_;
  CountTable skew_;
  Limits limits_[2];  // of most and of few
};

}  // namespace mho::device
