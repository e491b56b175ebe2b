// What a rule that is written in Python may do to the arrays and buffers of a tile, during one update.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "mho/rule/hosted_rule.h"
#include "occupied.h"

namespace mho::bindings {

class Hardware {
 public:
  using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
  using Trains = const pulse::UpdateParameters*;  // null: as the tile's

  Hardware(rule::HostedRule& rule, bool lockstep) : rule_(&rule), lockstep_(lockstep) {}
  // The update is over: from now on every call is an error.
  void close();

  FloatArray pulse(std::size_t array, const py::object& x, const py::object& d, const py::object& lr, Trains update,
                   bool columns, const Integers& samples, const Integers& lines);
  void pulse_lines(std::size_t array, const Integers& lines, const py::object& values, const py::object& lr,
                   Trains update, bool columns);
  FloatArray read_lines(std::size_t array, const Integers& lines, bool columns);
  FloatArray read(std::size_t array, const py::object& x, bool forward);
  void pulse_by_count(std::size_t array, const py::object& counts, bool pulse_by_pulse);
  std::size_t program(std::size_t array, const py::object& weight);
  FloatArray weight(std::size_t array);
  double granularity(std::size_t array);
  // A view: what is written to it is written to the buffer.
  py::array buffer(const std::string& name);
  void count_operations(std::int64_t operations);
  std::uint64_t samples();
  // The samples of this update, of so many, after which a line is read, one line after the other; and these lines.
  std::pair<Integers, Integers> schedule(std::int64_t every, std::int64_t lines, std::int64_t batch);

 private:
  // Marks the arrays as in use for the life of a call; the others are told so.
  class Use {
   public:
    explicit Use(Hardware& owner);

   private:
    Occupied occupied_;
  };

  [[nodiscard]] std::vector<py::ssize_t> extents(std::size_t rows, std::size_t columns) const;
  // Learning rates: one, or one for each sample, of each instance.
  std::pair<std::vector<double>, bool> rates_of(const py::object& lr, std::size_t samples) const;

  rule::HostedRule* rule_;
  bool lockstep_;
  std::atomic<bool> busy_{false};
};

}  // namespace mho::bindings
