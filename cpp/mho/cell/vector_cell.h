// Several devices make one weight, W = sum of gamma_k w_k. A policy says which of them take the pulses of a sample:
// all, always the same one, one after the other, or one at random.
#pragma once

#include "mho/cell/cell_crosspoints.h"

namespace mho::cell {

class VectorCell final : public CellCrosspoints {
 public:
  static constexpr const char* name = "Vector";
  VectorCell(Parameters& parameters, const array::Shape& shape, const std::vector<std::uint64_t>& keys,
             Threads threads);
  // The mean change of W by one coincidence: over the devices that may take it, or of all of them together.
  [[nodiscard]] double granularity() const override { return granularity_; }

 protected:
  void pulse_parts(std::size_t instance, const pulse::Request& request) override;
  // With a fixed device, that one takes the whole of a change. Else each device takes its share, in proportion to its
  // gamma, and what does not fit goes to the others, in their order.
  void distribute(const Target& target) override;

 private:
  enum class Policy { all, fixed, sequential, random };
  // The samples whose pulses are for device p.
  [[nodiscard]] std::uint64_t taken(std::size_t p, std::size_t instance, const pulse::Request& request) const;

  Policy policy_;
  std::size_t index_ = 0;
  double granularity_ = 0;
};

}  // namespace mho::cell
