// Steps that shrink linearly to zero at the device's own bounds: dw+ = s+ (1 - w / w_max), dw- = -s- (1 - w / w_min).
// Fusi and Abbott, Nat. Neurosci. 10:485 (2007); Frascaroli et al., Sci. Rep. 8:7178 (2018).
#pragma once

#include <array>

#include "mho/device/linear_response.h"

namespace mho::device {

class SoftBounds {
 public:
  static constexpr const char* name = "SoftBounds";
  static constexpr std::array<const char*, 0> extra_planes{};

  explicit SoftBounds(Parameters& p) : pulsed_(p), response_(pulsed_.dw_min_ctoc, p.flag("mult_noise")) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return 0.5 * (pulsed_.nominal_up() + pulsed_.nominal_down()); }

  using Lanes = LinearLanes;
  template <class Planes> [[nodiscard]] Lanes load(const Planes& planes) const {
    const PulsedLanes p = load_pulsed(planes);
    // A bound at zero (padding, stuck devices) has no slope; the step there is clipped away.
    const F32 tiny(1e-30F);
    return {
        p.up,
        F32(0.0F) - simd::select(p.w_max > tiny, p.up / simd::max(p.w_max, tiny), F32(0.0F)),
        F32(0.0F) - p.down,
        F32(0.0F) - simd::select(p.w_min < F32(0.0F) - tiny, p.down / simd::max(F32(0.0F) - p.w_min, tiny), F32(0.0F)),
        p.w_max,
        p.w_min};
  }

  [[nodiscard]] F32 pulse(const Lanes& lanes, F32 w, Mask up, F32 xi) const {
    return response_.pulse(lanes, w, up, xi);
  }
  [[nodiscard]] Aggregate pulses(const Lanes& lanes, F32 w, Mask up, F32 n, F32 xi) const {
    return response_.pulses(lanes, w, up, n, xi);
  }

 private:
  PulsedParameters pulsed_;
  LinearResponse response_;
};

}  // namespace mho::device
