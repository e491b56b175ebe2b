// Soft bounds with a reference subtracted: with v = w + reference, dw+ = s+ (1 - v / b_max), dw- = -s- (1 - v / b_min).
// Fits of arrays of ReRAM devices use it (Gong, Rasch et al., IEDM 2022).
#pragma once

#include <array>

#include "mho/device/linear_response.h"
#include "mho/device/reference.h"
#include "mho/device/soft_bounds.h"

namespace mho::device {

class SoftBoundsReference {
 public:
  static constexpr const char* name = "SoftBoundsReference";
  static constexpr std::array<const char*, 1> extra_planes{"reference"};
  static constexpr std::size_t inputs_in_flight = simd::parts == 1 ? 2 : 1;

  explicit SoftBoundsReference(Parameters& p)
      : pulsed_(p),
        reference_(p),
        slope_up_dtod_(p.number("slope_up_dtod", 0, 1e3)),
        slope_down_dtod_(p.number("slope_down_dtod", 0, 1e3)),
        response_(pulsed_, p.flag("mult_noise"), true) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const {
    const double up = pulsed_.nominal_up();
    const double down = pulsed_.nominal_down();
    const double slope = up / std::fmax(pulsed_.w_max, 1e-30) + down / std::fmax(-pulsed_.w_min, 1e-30);
    const double v = reference_.nominal((up - down) / slope);
    return 0.5 * (up * (1 - v / pulsed_.w_max) + down * (1 - v / pulsed_.w_min));
  }

  // The bounds, whose distance is the inverse of a slope, and the references of a block of devices.
  void construct_extra(const random::Stream& stream, U32 elements, PulsedLanes<simd::Wide>* lanes,
                       F32 (*extra)[4]) const {
    F32 steeper_up[4];
    F32 steeper_down[4];
    draw_two(steeper_up, 1.0, slope_up_dtod_, steeper_down, 1.0, slope_down_dtod_, stream, elements, first_model_draw);
    const F32 least(least_slope_);
    for (int r = 0; r < 4; ++r) {
      // Stuck devices stay where they are.
      const Mask moving = lanes[r].w_max > lanes[r].w_min;
      const auto further = [&](F32 bound, F32 steeper) {
        return simd::select(moving, bound / simd::max(simd::abs(steeper), least), bound);
      };
      lanes[r].w_max = further(lanes[r].w_max, steeper_up[r]);
      lanes[r].w_min = further(lanes[r].w_min, steeper_down[r]);
    }
    const auto symmetry_point = [&](int r) {
      const auto soft = soft_lanes(lanes[r]);
      const F32 slope = F32(0.0F) - soft.up_slope - soft.down_slope;
      return (soft.up_step + soft.down_step) / simd::max(slope, F32(1e-30F));
    };
    reference_.subtract(stream, elements, first_model_draw + 1, symmetry_point, lanes, extra[0]);
  }

  template <class V> struct Lanes {
    LinearLanes<V> soft;  // of v
    typename V::F reference;
    typename V::F w_max, w_min;
  };
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using V = typename Planes::V;
    const auto p = load_pulsed(planes);
    const typename V::F reference = planes(pulsed_planes);
    return Lanes<V>{soft_lanes<V>({p.up, p.down, p.w_max + reference, p.w_min + reference}), reference, p.w_max,
                    p.w_min};
  }

  static constexpr Meets usually_meets = Meets::none;
  [[nodiscard]] Meets meets() const { return response_.meets(false); }
  template <class V> [[nodiscard]] typename V::U most_at_once(const Lanes<V>& lanes) const {
    return response_.most_at_once(lanes.soft);
  }
  // The step is added to the weight, not to v, so that it is rounded once, and finely where the weight is small.
  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    return response_.step(lanes.soft, w + lanes.reference, w, up);
  }

 private:
  // Slopes below this share of the mean, where a bound would be out of all reach, are taken to be that share.
  static constexpr float least_slope_ = 1e-3F;

  PulsedParameters pulsed_;
  Reference reference_;
  double slope_up_dtod_, slope_down_dtod_;
  LinearResponse response_;
};

}  // namespace mho::device
