// The trains of one sample line by line, whatever their layout.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "mho/pulse/trains.h"

namespace mho::tests {

struct Line {
  std::uint64_t slots = 0;  // of stochastic pulses
  float level = 0;          // of the others
  bool negative = false;
};

struct Lines {
  std::vector<Line> x, d;
};

inline Lines lines_of(const pulse::Trains& trains, std::size_t in, std::size_t out, std::size_t s) {
  const auto words = static_cast<std::size_t>(trains.words());
  Lines lines;
  const auto line = [&](std::uint32_t low, std::uint32_t high, std::uint32_t sign) {
    if (!trains.slots()) return Line{0, std::bit_cast<float>(low), sign != 0};
    return Line{low | static_cast<std::uint64_t>(high) << 32, 0, sign != 0};
  };
  for (std::size_t j = 0; j < in; ++j) {
    const std::uint32_t* bits = trains.x_bits(j / 4, s) + j % 4 * words;
    lines.x.push_back(line(bits[0], words == 2 ? bits[1] : 0,
                           static_cast<std::uint32_t>(trains.x_negative(j / 4)[s]) >> (j % 4) & 1U));
  }
  for (std::size_t i = 0; i < out; ++i) {
    const std::uint32_t* bits = trains.d_bits(i / 16, s) + i % 16;
    lines.d.push_back(line(bits[0], words == 2 ? bits[16] : 0, trains.d_negative(i / 16)[s] >> (i % 16) & 1U));
  }
  return lines;
}

// Pulses of one crosspoint.
inline int coincidences(const Line& x, const Line& d, float divisor) {
  if (x.slots != 0 || d.slots != 0) return std::popcount(x.slots & d.slots);
  return static_cast<int>(std::nearbyint(x.level * d.level / divisor));
}

}  // namespace mho::tests
