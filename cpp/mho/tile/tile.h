// A tile: arrays and the rule that trains them. What the bindings see.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
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

// The extents of something that a tile has for each instance.
struct Extents {
  std::size_t rows;
  std::size_t columns;
};

class Tile {
 public:
  // One key for each instance.
  Tile(std::size_t out_features, std::size_t in_features, const std::vector<std::uint64_t>& keys,
       Configuration configuration, Threads threads);

  void forward(const array::Batch& x, float* y, bool noise, bool evaluation, Threads threads);
  void backward(const array::Batch& d, float* y, bool noise, bool evaluation, Threads threads);
  // Throws what `update` would throw for what it is given, and changes nothing.
  void check_update(const array::Batch& x, const array::Batch& d, double lr);
  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads);
  // Programs the main array and puts everything else at rest. Returns how many devices did not reach their target.
  std::size_t set_weight(const float* w, bool per_instance);

  // The same for a part of a cell of the main array alone.
  std::size_t set_part(const std::string& part, const float* w, bool per_instance);

  void elapse(double seconds, Threads threads);
  [[nodiscard]] bool ages();
  void reset(const array::Selection& chosen, Threads threads);
  void stick(const array::Selection& chosen);

  [[nodiscard]] array::Array& main() { return *main_; }
  [[nodiscard]] const array::Array& main() const { return *main_; }
  [[nodiscard]] rule::Rule& rule() { return *rule_; }
  // The main array, "main", or one of the rule's.
  [[nodiscard]] array::Array& array(const std::string& name);
  // An array was changed from outside, not by the rule.
  void array_changed() { rule_->state_changed(); }

  // What can be looked at: planes of the main array by their names, those of a rule's arrays as "fast/w_max", and the
  // rule's digital buffers. Where reads see more than the main array, "weight" is all of it, and the main array's own
  // planes are "main/weight" and so on.
  [[nodiscard]] std::vector<std::string> names() { return list(false); }
  // Those that are the state.
  [[nodiscard]] std::vector<std::string> state_names() { return list(true); }
  [[nodiscard]] Extents extents(const std::string& name);
  // (instances x rows x columns)
  void copy(const std::string& name, float* target);

  // Replaces the whole state, or throws and changes nothing; values[i] belongs to state_names()[i].
  void load_state(const std::vector<const float*>& values);

  // Everything that counts beside the main array's steps, in a fixed order.
  [[nodiscard]] std::vector<array::Counter> counters();
  void set_counters(const std::vector<array::Counter>& counters);

  // Digital memory of the rule, and all memory.
  [[nodiscard]] std::size_t buffer_bytes();
  [[nodiscard]] std::size_t memory_bytes();

 private:
  // An array with the prefix of its names.
  struct Part {
    std::string prefix;
    array::Array* array;
  };
  [[nodiscard]] std::vector<Part> parts();
  [[nodiscard]] std::vector<std::string> list(bool state);
  [[nodiscard]] std::vector<const float*> combined();

  std::unique_ptr<array::Array> main_;
  std::unique_ptr<rule::Rule> rule_;
};

}  // namespace mho::tile
