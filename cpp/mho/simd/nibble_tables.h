// Four tables of sixteen numbers, one for each nibble of sixteen bits, whose entries are summed up.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mho::simd {

// Nibbles 0 and 2 have the same table, and 1 and 3, but for a small factor each: the bytes of a half are then looked up
// together, where a processor looks up bytes only. Numbers come with either sign; bit 3 of a nibble is that of its.
struct NibbleTables {
  alignas(64) std::int16_t entry[4][32];  // [nibble][index]; twice the sixteen, so that a fifth bit does not matter
  alignas(16) std::uint8_t low[2][16];    // the bytes of an entry before its factor
  alignas(16) std::int8_t high[2][16];
  std::int8_t factor[4];

  constexpr NibbleTables(const std::int16_t (&magnitudes)[2][8], const std::int8_t (&factors)[4])
      : entry{}, low{}, high{}, factor{factors[0], factors[1], factors[2], factors[3]} {
    for (std::size_t index = 0; index < 32; ++index) {
      for (std::size_t nibble = 0; nibble < 4; ++nibble) {
        const int magnitude = magnitudes[nibble % 2][index % 8];
        const int value = index % 16 < 8 ? magnitude : -magnitude;
        entry[nibble][index] = static_cast<std::int16_t>(value * factor[nibble]);
        low[nibble % 2][index % 16] = static_cast<std::uint8_t>(value & 0xFF);
        high[nibble % 2][index % 16] = static_cast<std::int8_t>((value - (value & 0xFF)) / 256);
      }
    }
  }
};

}  // namespace mho::simd
