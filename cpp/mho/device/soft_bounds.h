// Steps that shrink linearly to zero at the device's own bounds: dw+ = s+ (1 - w / w_max), dw- = -s- (1 - w / w_min).
// Fusi and Abbott, Nat. Neurosci. 10:485 (2007); Frascaroli et al., Sci. Rep. 8:7178 (2018).
#pragma once

#include <array>

#include "mho/device/linear_response.h"

namespace mho::device {

// The steps of devices with these bounds. A bound at zero (padding, stuck devices) has no slope; the step there is
// clipped away.
template <class V> [[gnu::always_inline]] inline LinearLanes<V> soft_lanes(const PulsedLanes<V>& p) {
  using F = typename V::F;
  const F zero(0.0F);
  const F tiny(1e-30F);
  return {p.up,          zero - select(p.w_max > tiny, p.up / max(p.w_max, tiny), zero),
          zero - p.down, zero - select(p.w_min < zero - tiny, p.down / max(zero - p.w_min, tiny), zero),
          p.w_max,       p.w_min};
}

class SoftBounds {
 public:
  static constexpr const char* name = "SoftBounds";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t inputs_in_flight = simd::parts == 1 ? 2 : 1;

  explicit SoftBounds(Parameters& p) : pulsed_(p), response_(pulsed_, p.flag("mult_noise"), true) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return 0.5 * (pulsed_.nominal_up() + pulsed_.nominal_down()); }

  template <class V> using Lanes = LinearLanes<V>;
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    return soft_lanes(load_pulsed(planes));
  }

  static constexpr Meets usually_meets = Meets::none;
  [[nodiscard]] Meets meets() const { return response_.meets(false); }
  template <class V> [[nodiscard]] typename V::U most_at_once(const Lanes<V>& lanes) const {
    return response_.most_at_once(lanes);
  }
  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    return response_.step(lanes, w, w, up);
  }

 private:
  PulsedParameters pulsed_;
  LinearResponse response_;
};

}  // namespace mho::device
