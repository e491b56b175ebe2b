// Devices without a flaw: the weight moves by exactly what is asked for, in floating point, sample by sample.
#pragma once

#include "mho/array/array.h"

namespace mho::array {

class IdealArray final : public Array {
 public:
  IdealArray(const Shape& shape, const std::vector<std::uint64_t>& keys, const periphery::IoParameters& forward_io,
             const periphery::IoParameters& backward_io);
  void pulse(const Batch& x, const Batch& d, double lr, const pulse::UpdateParameters& update, int threads) override;
  [[nodiscard]] double granularity() const override { return 0; }
};

}  // namespace mho::array
