// Steps that fall off exponentially towards the bounds: with z = 2 a w / (w_max - w_min) + b,
// dw+ = s+ max(1 - A+ exp(gamma+ z), 0), dw- = -s- max(1 - A- exp(-gamma- z), 0), times (1 + sigma xi).
// The form that Gong et al., Nat. Commun. 9:2102 (2018) fit to filamentary ReRAM.
#pragma once

#include <array>

#include "mho/device/smooth_response.h"

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

  [[nodiscard]] Aggregate pulses(const Lanes& lanes, F32 w, Mask up, F32 n, F32 xi) const {
    return smooth_pulses(response(lanes, w, up), w, n, xi, noise_, lanes.w_max, lanes.w_min);
  }

 private:
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
