// A device against a fixed reference: W = w - w_ref. Only the device takes pulses; the reference is programmed when the
// cell is built, and by whoever calibrates it.
#pragma once

#include "mho/cell/cell_crosspoints.h"

namespace mho::cell {

class ReferenceCell final : public CellCrosspoints {
 public:
  static constexpr const char* name = "Reference";
  ReferenceCell(Parameters& parameters, const array::Shape& shape, const std::vector<std::uint64_t>& keys,
                Threads threads);
  [[nodiscard]] double granularity() const override { return granularity_; }

 protected:
  void pulse_parts(std::size_t instance, const pulse::Request& request) override;
  // The reference stays where it is.
  void distribute(const Target& target) override { correct(0, target); }

 private:
  double granularity_;
};

}  // namespace mho::cell
