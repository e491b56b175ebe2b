// A tile: arrays and the rule that trains them. What the bindings see.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mho/array/array.h"
#include "mho/rule/rule.h"

namespace mho::tile {

// The sections of a tile's configuration.
struct Configuration {
  Parameters device;
  Parameters rule;
  Parameters update;
  Parameters forward_io;
  Parameters backward_io;
};

class Tile {
 public:
  // One key for each instance.
  Tile(std::size_t out_features, std::size_t in_features, const std::vector<std::uint64_t>& keys,
       Configuration configuration, int threads);

  void forward(const array::Batch& x, float* y, bool noise, bool evaluation, int threads);
  void backward(const array::Batch& d, float* y, bool noise, bool evaluation, int threads);
  void update(const array::Batch& x, const array::Batch& d, double lr, int threads);

  void elapse(double seconds, int threads);
  void reset(const array::Selection& chosen, int threads);

  [[nodiscard]] array::Array& main() { return *main_; }
  [[nodiscard]] const array::Array& main() const { return *main_; }

 private:
  std::unique_ptr<array::Array> main_;
  std::unique_ptr<rule::Rule> rule_;
};

}  // namespace mho::tile
