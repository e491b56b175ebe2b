// Devices without a flaw: the weight moves by exactly what is asked for, in floating point, sample by sample.
#pragma once

#include "mho/array/crosspoints.h"

namespace mho::array {

class IdealCrosspoints final : public DeviceCrosspoints {
 public:
  IdealCrosspoints(const Shape& shape, const std::vector<std::uint64_t>& keys);
  [[nodiscard]] double granularity() const override { return 0; }
  void pulse(std::size_t instance, const pulse::Request& request) override;
  void accumulate(const Batch& x, const Batch& d, Rates lr, Samples samples, Threads threads) override;
  void check_accumulate(const Batch& x, const Batch& d, Rates lr) const override;
  // To zero, exactly.
  void reset(const Selection& chosen, std::uint64_t step, Threads threads) override;
  void stick(const Selection& chosen) override;
};

}  // namespace mho::array
