// How a gradient becomes pulses on one or more arrays. A rule reads, pulses and programs arrays; it never sees the
// tile.
#pragma once

#include <memory>

#include "mho/array/array.h"

namespace mho::rule {

class Rule {
 public:
  virtual ~Rule() = default;
  // Moves what a read of the tile sees by -lr d^T x in expectation.
  virtual void update(const array::Batch& x, const array::Batch& d, double lr, int threads) = 0;
};

// The rule that the parameters describe ("type" names it), acting on the main array.
std::unique_ptr<Rule> make_rule(Parameters& parameters, array::Array& main, const pulse::UpdateParameters& update);

}  // namespace mho::rule
