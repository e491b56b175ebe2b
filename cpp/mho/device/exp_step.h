// Steps that fall off exponentially towards the bounds: with z = 2 a w / (w_max - w_min) + b,
// dw+ = s+ max(1 - A+ exp(gamma+ z), 0), dw- = -s- max(1 - A- exp(-gamma- z), 0), times (1 + sigma xi);
// or, with the noise of phase-change memory, dw + sigma (|dw| + add + slope |w|) xi (Nandakumar et al., Front.
// Neurosci. 14:406, 2020). The form that Gong et al., Nat. Commun. 9:2102 (2018) fit to filamentary ReRAM.
#pragma once

#include <array>

#include "mho/device/smooth_response.h"

namespace mho::device {

class ExpStep {
 public:
  static constexpr const char* name = "ExpStep";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t inputs_in_flight = 4;

  explicit ExpStep(Parameters& p)
      : pulsed_(p),
        a_up_(p.number("A_up", -1e6, 1e6)),
        a_down_(p.number("A_down", -1e6, 1e6)),
        gamma_up_(p.number("gamma_up", -1e3, 1e3)),
        gamma_down_(p.number("gamma_down", -1e3, 1e3)),
        a_(p.number("a", -1e3, 1e3)),
        b_(p.number("b", -1e3, 1e3)),
        noise_add_(p.number("dw_min_ctoc_add", 0, 1e6)),
        noise_slope_(p.number("dw_min_ctoc_slope", 0, 1e6)),
        noise_of_weight_(noise_add_ > 0 || noise_slope_ > 0),
        steps_(pulsed_.dw_min_ctoc),
        together_(most_within_reach(pulsed_, pulsed_.dw_min_ctoc), pulsed_.dw_min_ctoc,
                  [this](bool up, std::uint32_t n) { return interval(up, n); }) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const {
    const double up = std::fmax(1 - a_up_ * std::exp(gamma_up_ * b_), 0.0);
    const double down = std::fmax(1 - a_down_ * std::exp(-gamma_down_ * b_), 0.0);
    return 0.5 * (pulsed_.nominal_up() * up + pulsed_.nominal_down() * down);
  }

  // Noise that does not follow the step, and has a kink at weight 0, does not fit the sums of several steps.
  [[nodiscard]] std::uint32_t most_at_once() const { return noise_of_weight_ ? 1 : together_.most; }

  template <class V> struct Lanes {
    typename V::F up, down;
    typename V::F w_max, w_min;
    typename V::F width;    // w_max - w_min
    typename V::F z_slope;  // dz / dw
  };
  template <class Planes> [[nodiscard]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    const F width = max(p.w_max - p.w_min, F(1e-30F));
    return Lanes<typename Planes::V>{p.up, p.down, p.w_max, p.w_min, width, F(static_cast<float>(2 * a_)) / width};
  }

  [[nodiscard]] bool limits_behind() const { return true; }
  template <class V> [[nodiscard]] AggregationRange<V> range(const Lanes<V>& lanes, AtOnce count) const {
    using F = typename V::F;
    const SmoothIntervals& together = together_[count];
    const auto up = together.up.of(lanes.up, lanes.width);
    const auto down = together.down.of(lanes.down, lanes.width);
    const auto weight = [&](F coordinate) { return fma(F(2.0F), coordinate, F(-1.0F)) * F(extent_) * lanes.width; };
    // How far the pulses lead depends on the steps where they start: on the side of zero of the bound that they might
    // meet, or else on either side.
    const F reach(together.reach);
    const auto below = [&](const auto& steps, F s) {
      const F near = fnma(reach * steps.largest_above, s, lanes.w_max);
      const F far = fnma(reach * steps.largest_below, s, lanes.w_max);
      return select(near >= F(0.0F), near, min(near, far));
    };
    const auto above = [&](const auto& steps, F s) {
      const F near = fma(reach * steps.largest_below, s, lanes.w_min);
      const F far = fma(reach * steps.largest_above, s, lanes.w_min);
      return select(near <= F(0.0F), near, max(near, far));
    };
    const bool reversed = pulsed_.dw_min_ctoc > rarely_reversed;
    AggregationRange<V> r;
    r.up_high = min(weight(up.high), below(up, lanes.up));
    r.down_low = max(weight(down.low), above(down, lanes.down));
    r.up_low = max(weight(up.low), reversed ? above(up, lanes.up) : F(-unlimited));
    r.down_high = min(weight(down.high), reversed ? below(down, lanes.down) : F(unlimited));
    r.include_limits();
    return r;
  }

  template <class V>
  [[nodiscard]] typename V::F pulses(const Lanes<V>& lanes, typename V::F w, typename V::M up, typename V::U n,
                                     typename V::F xi) const {
    using F = typename V::F;
    const F z = fma(lanes.z_slope, w, F(static_cast<float>(b_)));
    const F gamma = select(up, F(static_cast<float>(gamma_up_)), F(static_cast<float>(-gamma_down_)));
    const F amplitude = select(up, F(static_cast<float>(a_up_)), F(static_cast<float>(a_down_)));
    const F s = select(up, lanes.up, F(0.0F) - lanes.down);
    const F e = amplitude * simd::exp(gamma * z);
    const F rate = gamma * lanes.z_slope;
    const auto moving = e < F(1.0F);
    const F zero(0.0F);
    const F slope = select(moving, zero - s * e * rate, zero);
    const Response<F> response{select(moving, s - s * e, zero), slope, slope * rate};
    if (noise_of_weight_) [[unlikely]]
      return single(response.step, w, n, xi);
    return steps_(response, w, n, xi);
  }

 private:
  // One pulse or none, with noise that follows the weight. Apart, so that the steps above keep their registers.
  template <class F, class U> [[gnu::noinline]] F single(F step, F w, U n, F xi) const {
    const F size = fma(F(static_cast<float>(noise_slope_)), abs(w), abs(step) + F(static_cast<float>(noise_add_)));
    const F noise = F(static_cast<float>(pulsed_.dw_min_ctoc)) * size;
    return fma(to_float(n), fma(noise, xi, step), w);
  }

  // The coordinate runs from w = -0.75 R to w = 0.75 R: further out are few devices, which take single pulses there.
  static constexpr float extent_ = 0.75F;
  [[nodiscard]] SmoothInterval interval(bool up, std::uint32_t n) const {
    const auto response = [&, up](double coordinate, double share) {
      const double z = 2 * a_ * (2 * coordinate - 1) * static_cast<double>(extent_) + b_;
      const double gamma = up ? gamma_up_ : -gamma_down_;
      const double e = (up ? a_up_ : a_down_) * std::exp(gamma * z);
      const double rate = gamma * 2 * a_;
      const double s = up ? share : -share;
      // Where the steps end, so does the smooth formula.
      if (e >= 1) return Response<double>{0, 1, 1};
      return Response<double>{s * (1 - e), -s * e * rate, -s * e * rate * rate};
    };
    const double step = up ? pulsed_.nominal_up() : pulsed_.nominal_down();
    return {response, step / std::fmax(pulsed_.w_max - pulsed_.w_min, 1e-30), n, pulsed_.dw_min_ctoc};
  }

  PulsedParameters pulsed_;
  double a_up_, a_down_;
  double gamma_up_, gamma_down_;
  double a_, b_;
  double noise_add_, noise_slope_;
  bool noise_of_weight_;
  SmoothPulses steps_;
  SmoothAggregation together_;
};

}  // namespace mho::device
