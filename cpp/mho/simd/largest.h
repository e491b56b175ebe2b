// The largest magnitude of some values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "mho/simd/simd.h"

namespace mho::simd {

// 0 of no values.
inline float largest_magnitude(const float* values, std::size_t n) {
  F32 of_lanes(0.0F);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) of_lanes = max(of_lanes, abs(F32::load(values + i)));
  float lanes[16];
  of_lanes.store(lanes);
  float largest = *std::max_element(lanes, lanes + 16);
  for (; i < n; ++i) largest = std::max(largest, std::fabs(values[i]));
  return largest;
}

}  // namespace mho::simd
