// Two devices of which only steps up are used, W = gamma (g+ - g-): a pulse up goes to g+, a pulse down to g-, as a
// pulse up. Where both have grown so far that there is little room left, they are reset, and their difference is
// written back on one of them (refresh).
#pragma once

#include <array>

#include "mho/cell/cell_crosspoints.h"

namespace mho::cell {

class OneSidedCell final : public CellCrosspoints {
 public:
  static constexpr const char* name = "OneSided";
  OneSidedCell(Parameters& parameters, const array::Shape& shape, const std::vector<std::uint64_t>& keys,
               Threads threads);
  [[nodiscard]] double granularity() const override { return 0.5 * gamma_ * (step_[0] + step_[1]); }

  // Adds to the weight, open loop: as many pulses as the change takes in the mean at rest, rounded at random. `change`
  // is laid out like the weights.
  void write(std::size_t instance, const float* change, std::uint64_t key, bool pulse_by_pulse, Threads threads);

 protected:
  void pulse_parts(std::size_t instance, const pulse::Request& request) override;
  // On one device, the other at rest.
  void distribute(const Target& target) override;
  // The refresh.
  void happen(std::size_t instance, std::uint64_t event, const pulse::Request& request) override;

 private:
  double gamma_;
  std::array<double, 2> step_{};  // mean step up of either device at rest
  std::array<float, 2> upper_{}, lower_{};
  std::vector<std::uint64_t>& refreshed_;
};

}  // namespace mho::cell
