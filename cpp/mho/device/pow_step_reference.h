// PowStep with a reference subtracted. Its steps know distances to the bounds alone, so that those of the weight are
// all that they need: the reference itself is kept to be looked at.
#pragma once

#include <array>

#include "mho/device/pow_step.h"
#include "mho/device/reference.h"

namespace mho::device {

class PowStepReference : public PowStep {
 public:
  static constexpr const char* name = "PowStepReference";
  static constexpr std::array<const char*, 3> extra_planes{PowStep::extra_planes[0], PowStep::extra_planes[1],
                                                           "reference"};

  explicit PowStepReference(Parameters& p) : PowStep(p), reference_(p) {}

  [[nodiscard]] double granularity() const {
    double low = pulsed().w_min;
    double high = pulsed().w_max;
    // To the last place.
    for (int i = 0; i < 64; ++i) {
      const double middle = 0.5 * (low + high);
      (mean_size(true, middle) > mean_size(false, middle) ? low : high) = middle;
    }
    const double v = reference_.nominal(0.5 * (low + high));
    return 0.5 * (mean_size(true, v) + mean_size(false, v));
  }

  // The exponents and references of a block of devices.
  void construct_extra(const random::Stream& stream, U32 elements, PulsedLanes<simd::Wide>* lanes,
                       F32 (*extra)[4]) const {
    PowStep::construct_extra(stream, elements, lanes, extra);
    const auto symmetry_point = [&](int r) { return balance(lanes[r], extra[0][r], extra[1][r]); };
    reference_.subtract(stream, elements, first_model_draw + 2, symmetry_point, lanes, extra[2]);
  }

 private:
  // Where the steps of sixteen devices are equally large, to 6e-8 of their range. Steps up fall with the weight and
  // steps down grow, so that there is one such point; where the exponents are 0, and the steps differ, it is the bound
  // that the larger ones lead to.
  static F32 balance(const PulsedLanes<simd::Wide>& lanes, F32 gamma_up, F32 gamma_down) {
    const F32 one(1.0F);
    const F32 least(1e-7F);
    F32 low(0.0F);
    F32 width(1.0F);
    for (int i = 0; i < 24; ++i) {
      width = width * F32(0.5F);
      const F32 middle = low + width;
      const F32 up = lanes.up * power(simd::max(one - middle, least), gamma_up);
      const F32 down = lanes.down * power(middle, gamma_down);
      low = simd::select(up > down, middle, low);
    }
    return simd::fma(low + F32(0.5F) * width, lanes.w_max - lanes.w_min, lanes.w_min);
  }

  Reference reference_;
};

}  // namespace mho::device
