// Steps that fall off as a power of the distance to the bound: with R = w_max - w_min,
// dw+ = s+ ((w_max - w) / R)^gamma+, dw- = -s- ((w - w_min) / R)^gamma-, times (1 + sigma xi).
// The form of Fusi and Abbott, Nat. Neurosci. 10:485 (2007), and of the analysis of Wu et al., arXiv 2406.12774 (2024).
#pragma once

#include <array>

#include "mho/device/smooth_response.h"

namespace mho::device {

class PowStep {
 public:
  static constexpr const char* name = "PowStep";
  static constexpr std::array<const char*, 2> extra_planes{"gamma_up", "gamma_down"};

  explicit PowStep(Parameters& p)
      : pulsed_(p),
        gamma_(p.number("pow_gamma", 0, 1e3)),
        gamma_dtod_(p.number("pow_gamma_dtod", 0, 1e3)),
        up_down_(p.number("pow_up_down", -1, 1)),
        up_down_dtod_(p.number("pow_up_down_dtod", 0, 1e3)),
        noise_(static_cast<float>(pulsed_.dw_min_ctoc)) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const {
    const double range = pulsed_.w_max - pulsed_.w_min;
    const double up = std::pow(pulsed_.w_max / range, gamma_ * (1 + up_down_));
    const double down = std::pow(-pulsed_.w_min / range, gamma_ * (1 - up_down_));
    return 0.5 * (pulsed_.nominal_up() * up + pulsed_.nominal_down() * down);
  }

  // The exponents of four rows of sixteen devices.
  void construct_extra(const random::Stream& stream, std::uint32_t element, const PulsedLanes*, F32 (*extra)[4]) const {
    F32 up[4];
    F32 down[4];
    F32 asymmetry[4];
    draw(up, 1.0, gamma_dtod_, stream, element, first_model_draw);
    draw(down, 1.0, gamma_dtod_, stream, element, first_model_draw + 1);
    draw(asymmetry, up_down_, up_down_dtod_, stream, element, first_model_draw + 2);
    const F32 gamma(static_cast<float>(gamma_));
    for (int r = 0; r < 4; ++r) {
      extra[0][r] = gamma * simd::abs(up[r] + asymmetry[r]);
      extra[1][r] = gamma * simd::abs(down[r] - asymmetry[r]);
    }
  }

  struct Lanes {
    F32 up, down;
    F32 w_max, w_min;
    F32 gamma_up, gamma_down;
  };
  template <class Planes> [[nodiscard]] Lanes load(const Planes& planes) const {
    const PulsedLanes p = load_pulsed(planes);
    return {p.up, p.down, p.w_max, p.w_min, planes(pulsed_planes), planes(pulsed_planes + 1)};
  }

  [[nodiscard]] F32 pulse(const Lanes& lanes, F32 w, Mask up, F32 xi) const {
    return simd::fma(response(lanes, w, up).step, simd::fma(noise_, xi, F32(1.0F)), w);
  }
  [[nodiscard]] Aggregate pulses(const Lanes& lanes, F32 w, Mask up, F32 n, F32 xi) const {
    return smooth_pulses(response(lanes, w, up), w, n, xi, noise_, lanes.w_max, lanes.w_min);
  }

 private:
  [[nodiscard]] Response response(const Lanes& lanes, F32 w, Mask up) const {
    const F32 range = simd::max(lanes.w_max - lanes.w_min, F32(1e-30F));
    // At the bound itself neither the power nor its derivatives are finite for every exponent.
    const F32 distance = simd::max(simd::select(up, lanes.w_max - w, w - lanes.w_min), range * F32(1e-6F));
    const F32 gamma = simd::select(up, lanes.gamma_up, lanes.gamma_down);
    const F32 power = simd::exp(F32(0.0F) - gamma * simd::negative_log(distance / range));
    const F32 step = power * simd::select(up, lanes.up, F32(0.0F) - lanes.down);
    const F32 slope = F32(0.0F) - gamma * simd::abs(step) / distance;
    return {step, slope, gamma * (gamma - F32(1.0F)) * (step / distance) / distance};
  }

  PulsedParameters pulsed_;
  double gamma_, gamma_dtod_;
  double up_down_, up_down_dtod_;
  F32 noise_;
};

}  // namespace mho::device
