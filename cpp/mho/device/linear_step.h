// Steps that depend linearly on the weight, with slopes that vary from device to device:
// dw+ = s+ (1 - gamma+ w / w_max), dw- = -s- (1 - gamma- w / w_min). A reversed direction refers to the other bound and
// an offset beyond it, so that its step grows the way the pulses lead: dw+ = s+ (1 - gamma+ w / (w_min - offset)).
// Fits of capacitor cells (Li et al., VLSI 2018) and of electrochemical memory (Tang et al., IEDM 2018) use it.
#pragma once

#include <array>

#include "mho/device/linear_response.h"

namespace mho::device {

class LinearStep {
 public:
  static constexpr const char* name = "LinearStep";
  static constexpr std::array<const char*, 2> extra_planes{"slope_up", "slope_down"};
  static constexpr std::size_t inputs_in_flight = simd::parts == 1 ? 2 : 1;

  explicit LinearStep(Parameters& p)
      : pulsed_(p),
        gamma_up_(p.number("gamma_up", -1e3, 1e3)),
        gamma_down_(p.number("gamma_down", -1e3, 1e3)),
        gamma_up_dtod_(p.number("gamma_up_dtod", 0, 1e3)),
        gamma_down_dtod_(p.number("gamma_down_dtod", 0, 1e3)),
        mean_bound_reference_(p.flag("mean_bound_reference")),
        allow_increasing_(p.flag("allow_increasing")),
        reverse_up_(p.flag("reverse_up")),
        reverse_down_(p.flag("reverse_down")),
        reverse_offset_(p.number("reverse_offset", 0, 1e6)),
        may_increase_(allow_increasing_ || reverse_up_ || reverse_down_),
        response_(pulsed_, p.flag("mult_noise"), false) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return 0.5 * (pulsed_.nominal_up() + pulsed_.nominal_down()); }

  // The slopes of a block of devices.
  void construct_extra(const random::Stream& stream, U32 elements, const PulsedLanes<simd::Wide>* lanes,
                       F32 (*extra)[4]) const {
    draw_two(extra[0], gamma_up_, gamma_up_dtod_, extra[1], gamma_down_, gamma_down_dtod_, stream, elements,
             first_model_draw);
    if (!allow_increasing_) {
      for (int r = 0; r < 4; ++r) {
        extra[0][r] = simd::abs(extra[0][r]);
        extra[1][r] = simd::abs(extra[1][r]);
      }
    }
    const F32 zero(0.0F);
    const F32 tiny(1e-30F);
    const F32 offset(static_cast<float>(reverse_offset_));
    const auto slope = [&](F32 gamma, F32 step, F32 bound, F32 other, bool reverse) {
      const F32 reference = reverse ? other + offset : bound;
      const F32 size = gamma * simd::select(reference > tiny, step / simd::max(reference, tiny), zero);
      return reverse ? size : zero - size;
    };
    for (int r = 0; r < 4; ++r) {
      F32 upper = F32(static_cast<float>(pulsed_.w_max));
      F32 lower = F32(static_cast<float>(-pulsed_.w_min));
      if (!mean_bound_reference_) {
        upper = lanes[r].w_max;
        lower = zero - lanes[r].w_min;
      }
      extra[0][r] = slope(extra[0][r], lanes[r].up, upper, lower, reverse_up_);
      extra[1][r] = slope(extra[1][r], lanes[r].down, lower, upper, reverse_down_);
    }
  }

  template <class V> using Lanes = LinearLanes<V>;
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    return Lanes<typename Planes::V>{
        p.up, planes(pulsed_planes), F(0.0F) - p.down, planes(pulsed_planes + 1), p.w_max, p.w_min};
  }

  static constexpr Meets usually_meets = Meets::ahead;
  [[nodiscard]] Meets meets() const { return response_.meets(may_increase_); }
  template <class V> [[nodiscard]] typename V::U most_at_once(const Lanes<V>& lanes) const {
    return response_.most_at_once(lanes);
  }
  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    return response_.step(lanes, w, w, up);
  }

 private:
  PulsedParameters pulsed_;
  double gamma_up_, gamma_down_;
  double gamma_up_dtod_, gamma_down_dtod_;
  bool mean_bound_reference_, allow_increasing_;
  bool reverse_up_, reverse_down_;
  double reverse_offset_;
  bool may_increase_;
  LinearResponse response_;
};

}  // namespace mho::device
