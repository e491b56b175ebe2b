// What devices are asked to do: trains that meet at them.
#pragma once

#include <cstdint>

#include "mho/pulse/trains.h"

namespace mho::pulse {

struct Request {
  Trains& trains;            // of one instance; their lists are made when they are first needed
  random::Key noise;         // whose noise the pulses have
  std::uint64_t first_step;  // step of the trains' sample 0; no multiple of 2^32 lies between their steps
  std::uint64_t samples = ~std::uint64_t{0};  // the samples that count, a bit each
  std::uint64_t passing = ~std::uint64_t{0};  // those that go by, counting or not: cells do something every so many
  Directions directions = Directions::both;
  bool pulse_by_pulse = false;
  int threads = 1;
};

}  // namespace mho::pulse
