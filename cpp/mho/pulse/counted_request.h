// What devices are asked to do without trains: a number of pulses for each of them.
#pragma once

#include <cstdint>

#include "mho/parallel.h"
#include "mho/random/philox.h"

namespace mho::pulse {

struct CountedRequest {
  const float* counts;  // whole numbers up to 2^24, negative ones for pulses down; laid out like the weights
  random::Key noise;    // whose noise the pulses have
  std::uint64_t step;
  bool pulse_by_pulse = false;
  Threads threads = 1;
};

}  // namespace mho::pulse
