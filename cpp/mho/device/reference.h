// A reference conductance that is subtracted from the device's: pulses move the conductance v, and the weight is w = v
// - reference. References differ from device to device; with the symmetry point of each device among them, weight 0 is
// where its steps up and down are equally large (zero shifting; Kim et al., arXiv 1907.10228).
//
// The planes w_max and w_min of such devices are bounds of the weight, so that nothing but the step knows of v.
#pragma once

#include "mho/device/pulsed.h"

namespace mho::device {

class Reference {
 public:
  explicit Reference(Parameters& p)
      : mean_(p.number("reference_mean", -1e6, 1e6)),
        std_(p.number("reference_std", 0, 1e6)),
        subtract_symmetry_point_(p.flag("subtract_symmetry_point")) {}

  // Draws the references of a block of devices, and moves their bounds, of v, to those of the weight.
  // `symmetry_point(row)` is where the steps of these devices are equally large.
  template <class Function>
  void subtract(const random::Stream& stream, U32 elements, std::uint32_t number, Function&& symmetry_point,
                PulsedLanes<simd::Wide>* lanes, F32* reference) const {
    draw(reference, mean_, std_, stream, elements, number);
    for (int r = 0; r < 4; ++r) {
      if (subtract_symmetry_point_) {
        // A stuck device has no steps, hence no such point.
        const Mask moving = lanes[r].w_max > lanes[r].w_min;
        reference[r] = reference[r] + simd::select(moving, symmetry_point(r), F32(0.0F));
      }
      lanes[r].w_max = lanes[r].w_max - reference[r];
      lanes[r].w_min = lanes[r].w_min - reference[r];
    }
  }

  // That of the mean device, with its symmetry point.
  [[nodiscard]] double nominal(double symmetry_point) const {
    return mean_ + (subtract_symmetry_point_ ? symmetry_point : 0.0);
  }
  [[nodiscard]] bool subtracts_symmetry_point() const { return subtract_symmetry_point_; }

 private:
  double mean_, std_;
  bool subtract_symmetry_point_;
};

}  // namespace mho::device
