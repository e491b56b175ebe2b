// The numbers of a device that is described by a table, shared by all its crosspoints.
#pragma once

#include <utility>
#include <vector>

namespace mho::device {

// Kernels copy their model, to keep its numbers in registers. A copy of a table looks at the numbers of the original,
// which outlives it.
class LookUpTable {
 public:
  explicit LookUpTable(std::vector<float> values) : own_(std::move(values)), values_(own_.data()) {}
  LookUpTable(const LookUpTable& other) : values_(other.values_) {}
  LookUpTable(LookUpTable&&) = default;
  LookUpTable& operator=(const LookUpTable&) = delete;
  LookUpTable& operator=(LookUpTable&&) = delete;
  ~LookUpTable() = default;

  [[nodiscard]] const float* values() const { return values_; }

 private:
  std::vector<float> own_;
  const float* values_;
};

// A place between the nodes of an even grid: the node before it, and how far it is on the way to the next.
template <class F> struct GridPlace {
  F node;  // a whole number
  F share;
};
// Of a position in units of the grid, from 0 to `cells`. At the last node it may stand on that node itself: a table has
// one more value behind it.
template <class F> [[gnu::always_inline]] inline GridPlace<F> grid_place(F position, F cells) {
  const F inside = clamp(position, F(0.0F), cells);
  const F node = rint(inside - F(0.5F));
  return {node, inside - node};
}

}  // namespace mho::device
