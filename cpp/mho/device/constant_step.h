// Steps of the same size at every weight: dw = s (1 + sigma xi), between hard bounds.
// Gokmen and Vlasov, Front. Neurosci. 10:333 (2016).
#pragma once

#include <array>

#include "mho/device/pulsed.h"

namespace mho::device {

class ConstantStep {
 public:
  static constexpr const char* name = "ConstantStep";
  static constexpr std::array<const char*, 0> extra_planes{};

  explicit ConstantStep(Parameters& p) : pulsed_(p), noise_(static_cast<float>(pulsed_.dw_min_ctoc)) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return 0.5 * (pulsed_.nominal_up() + pulsed_.nominal_down()); }

  using Lanes = PulsedLanes;
  template <class Planes> [[nodiscard]] Lanes load(const Planes& planes) const { return load_pulsed(planes); }

  [[nodiscard]] F32 pulse(const Lanes& lanes, F32 w, Mask up, F32 xi) const {
    return w + step(lanes, up) * simd::fma(noise_, xi, F32(1.0F));
  }

  // n steps add up to n s + sqrt(n) s sigma xi, exactly, as long as no partial sum can meet a bound.
  [[nodiscard]] Aggregate pulses(const Lanes& lanes, F32 w, Mask up, F32 n, F32 xi) const {
    const F32 s = step(lanes, up);
    const F32 noise = noise_ * simd::sqrt(n);
    const F32 reach = simd::abs(s) * simd::fma(F32(sure_sigma), noise, n);
    return {simd::fma(s, simd::fma(noise, xi, n), w),
            (n <= F32(1.0F)) | (((w + reach) <= lanes.w_max) & ((w - reach) >= lanes.w_min))};
  }

 private:
  static F32 step(const Lanes& lanes, Mask up) { return simd::select(up, lanes.up, F32(0.0F) - lanes.down); }

  PulsedParameters pulsed_;
  F32 noise_;
};

}  // namespace mho::device
