// How a gradient becomes pulses on one or more arrays. A rule reads, pulses and programs arrays, and keeps digital
// buffers; it never sees the tile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mho/array/array.h"

namespace mho::rule {

// An array that a rule keeps beside the main one.
struct NamedArray {
  std::string name;
  array::Array* array;
};

// What an operation of digital arithmetic takes one thread, roughly.
inline constexpr double nanoseconds_per_operation = 0.5;

// Digital memory of a rule that is part of the state: rows x columns numbers for each instance. Rules that work along
// columns keep them transposed.
struct Buffer {
  std::string name;
  std::size_t rows;
  std::size_t columns;
  bool transposed = false;
  std::vector<float> values;

  Buffer(std::string buffer_name, std::size_t instances, std::size_t row_count, std::size_t column_count,
         float start = 0.0F, bool by_columns = false)
      : name(std::move(buffer_name)),
        rows(row_count),
        columns(column_count),
        transposed(by_columns),
        values(instances * row_count * column_count, start) {}
  [[nodiscard]] std::size_t size() const { return rows * columns; }
  [[nodiscard]] float* of(std::size_t instance) { return values.data() + instance * size(); }
  // Between this layout and rows by columns.
  void copy(std::size_t instance, float* target) const {
    const float* source = values.data() + instance * size();
    for (std::size_t i = 0; i < size(); ++i) target[i] = source[place(i)];
  }
  void assign(std::size_t instance, const float* source) {
    for (std::size_t i = 0; i < size(); ++i) of(instance)[place(i)] = source[i];
  }

 private:
  [[nodiscard]] std::size_t place(std::size_t i) const { return transposed ? i % columns * rows + i / columns : i; }
};

class Rule {
 public:
  Rule() = default;
  virtual ~Rule() = default;
  Rule(const Rule&) = delete;
  Rule& operator=(const Rule&) = delete;

  // Throws what `update` would throw for what it is given, and changes nothing.
  virtual void check_update(const array::Batch& /*x*/, const array::Batch& /*d*/, double /*lr*/) {}
  // Moves what a read of the tile sees by -lr d^T x in expectation.
  virtual void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) = 0;

  // Whether an update knows of nothing but this tile, so that it may run beside those of others.
  [[nodiscard]] virtual bool independent() const { return true; }

  // Everything but the main array is at rest, as after construction: the main array has been programmed.
  virtual void rest() {}

  // What a read of the tile sees of an instance, where that is more than the main array; null otherwise.
  [[nodiscard]] virtual const float* visible(std::size_t /*instance*/) { return nullptr; }

  // The state beside the main array's.
  [[nodiscard]] virtual std::vector<NamedArray> arrays() { return {}; }
  [[nodiscard]] virtual std::vector<Buffer*> buffers() { return {}; }
  [[nodiscard]] virtual std::vector<array::Counter> counters() const { return {}; }
  virtual void set_counters(const std::vector<array::Counter>& /*counters*/) {}
  // The state was replaced.
  virtual void state_changed() {}
};

// The rule that the parameters describe ("type" names it), acting on the main array.
std::unique_ptr<Rule> make_rule(Parameters& parameters, array::Array& main, const pulse::UpdateParameters& update,
                                Threads threads);

}  // namespace mho::rule
