// Steps that fall off exponentially towards the bounds: with z = 2 a w / (w_max - w_min) + b,
// dw+ = s+ max(1 - A+ exp(gamma+ z), 0), dw- = -s- max(1 - A- exp(-gamma- z), 0), times (1 + sigma xi).
// The form that Gong et al., Nat. Commun. 9:2102 (2018) fit to filamentary ReRAM.
#pragma once

#include <array>

#include "mho/device/pulsed.h"

namespace mho::device {

class ExpStep {
 public:
  static constexpr const char* name = "ExpStep";
  static constexpr std::array<const char*, 0> extra_planes{};

  explicit ExpStep(Parameters& p)
      : pulsed_(p),
        a_up_(p.number("A_up", -1e6, 1e6)),
        a_down_(p.number("A_down", -1e6, 1e6)),
        gamma_up_(p.number("gamma_up", -1e3, 1e3)),
        gamma_down_(p.number("gamma_down", -1e3, 1e3)),
        a_(p.number("a", -1e3, 1e3)),
        b_(p.number("b", -1e3, 1e3)),
        noise_(static_cast<float>(pulsed_.dw_min_ctoc)) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const {
    const double up = std::fmax(1 - a_up_ * std::exp(gamma_up_ * b_), 0.0);
    const double down = std::fmax(1 - a_down_ * std::exp(-gamma_down_ * b_), 0.0);
    return 0.5 * (pulsed_.nominal_up() * up + pulsed_.nominal_down() * down);
  }

  struct Lanes {
    F32 up, down;
    F32 w_max, w_min;
    F32 z_slope;  // dz / dw
  };
  template <class Planes> [[nodiscard]] Lanes load(const Planes& planes) const {
    const PulsedLanes p = load_pulsed(planes);
    const F32 range = simd::max(p.w_max - p.w_min, F32(1e-30F));
    return {p.up, p.down, p.w_max, p.w_min, F32(static_cast<float>(2 * a_)) / range};
  }

  [[nodiscard]] F32 pulse(const Lanes& lanes, F32 w, Mask up, F32 xi) const {
    return simd::fma(response(lanes, w, up).step, simd::fma(noise_, xi, F32(1.0F)), w);
  }

  // n small steps to first order in the slope f' of the step f: the mean is n f (1 + (n - 1) f' / 2), and the noise of
  // each step is carried along by the later ones. Taken only where the next order, the curvature seen by the noise and
  // the remaining skewness are within the error that is allowed; else one pulse at a time.
  [[nodiscard]] Aggregate pulses(const Lanes& lanes, F32 w, Mask up, F32 n, F32 xi) const {
    const F32 one(1.0F);
    const Response r = response(lanes, w, up);
    const F32 root = simd::sqrt(n);
    const F32 v = (n - one) * r.slope;
    const F32 mean = n * simd::fma(v, F32(0.5F), one);
    const F32 spread = noise_ * root * (one + v);
    const F32 variance = noise_ * noise_;
    const F32 skew = F32(0.5F) * v * variance;
    const F32 dw = r.step * (simd::fma(spread, xi, mean) + skew * simd::fma(xi, xi, F32(-1.0F)));
    const F32 factor = simd::fma(F32(sure_sigma), noise_ * root, n);
    const F32 reach = simd::abs(r.step) * factor;
    const F32 slope = simd::abs(r.slope);
    const F32 bend = simd::abs(r.step * r.curvature) * n * simd::fma(variance, F32(0.25F), n * F32(1.0F / 6.0F));
    const Mask fine = (n * slope <= F32(0.1F)) & (bend <= F32(1e-3F)) & (n * slope * slope * variance <= F32(1e-3F)) &
                      (slope * factor <= one);
    return {w + dw, (n <= one) | (fine & ((w + reach) <= lanes.w_max) & ((w - reach) >= lanes.w_min))};
  }

 private:
  struct Response {
    F32 step;       // f
    F32 slope;      // f'
    F32 curvature;  // f''
  };
  [[nodiscard]] Response response(const Lanes& lanes, F32 w, Mask up) const {
    const F32 z = simd::fma(lanes.z_slope, w, F32(static_cast<float>(b_)));
    const F32 gamma = simd::select(up, F32(static_cast<float>(gamma_up_)), F32(static_cast<float>(-gamma_down_)));
    const F32 amplitude = simd::select(up, F32(static_cast<float>(a_up_)), F32(static_cast<float>(a_down_)));
    const F32 s = simd::select(up, lanes.up, F32(0.0F) - lanes.down);
    const F32 e = amplitude * simd::exp(gamma * z);
    const F32 rate = gamma * lanes.z_slope;
    const Mask moving = e < F32(1.0F);
    const F32 zero(0.0F);
    const F32 slope = simd::select(moving, zero - s * e * rate, zero);
    return {simd::select(moving, s - s * e, zero), slope, slope * rate};
  }

  PulsedParameters pulsed_;
  double a_up_, a_down_;
  double gamma_up_, gamma_down_;
  double a_, b_;
  F32 noise_;
};

}  // namespace mho::device
