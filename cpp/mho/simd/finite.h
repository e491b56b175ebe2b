// Whether numbers are finite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mho::simd {

inline bool all_finite(const float* values, std::size_t n) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, values + i, sizeof(bits));
    bits &= 0x7FFFFFFFU;
    largest = bits > largest ? bits : largest;
  }
  return largest < 0x7F800000U;
}

}  // namespace mho::simd
