// What devices are asked to do: trains that meet at them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mho/parallel.h"
#include "mho/pulse/trains.h"

namespace mho::pulse {

// What a read sees of one line of devices between two samples: a column (one input, all outputs) or a row.
struct Snapshot {
  enum class Line { column, row };
  Line line;
  std::size_t index;   // of the column or the row
  std::size_t sample;  // it is taken after this one
  float* values;       // room for the line with its padding
};

struct Request {
  Trains& trains;            // of one instance; their lists are made when they are first needed
  random::Key noise;         // whose noise the pulses have
  std::uint64_t first_step;  // step of the trains' sample 0; no multiple of 2^31 lies between their steps
  std::uint64_t samples = ~std::uint64_t{0};  // the samples that count, a bit each
  std::uint64_t passing = ~std::uint64_t{0};  // those that go by, counting or not: cells do something every so many
  Directions directions = Directions::both;
  bool pulse_by_pulse = false;
  Threads threads = 1;
  std::span<const Snapshot> snapshots = {};  // in the order of their samples
};

}  // namespace mho::pulse
