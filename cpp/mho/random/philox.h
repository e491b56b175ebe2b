// Philox4x32, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
// 1, 2, 3" (SC 2011). A random number is a pure function of a key (who) and a counter (when and which).
#pragma once

#include <array>
#include <cstdint>

namespace mho::random {

inline constexpr std::uint32_t philox_multiplier_0 = 0xD2511F53U;
inline constexpr std::uint32_t philox_multiplier_1 = 0xCD9E8D57U;
inline constexpr std::uint32_t philox_weyl_0 = 0x9E3779B9U;
inline constexpr std::uint32_t philox_weyl_1 = 0xBB67AE85U;
inline constexpr int philox_rounds = 10;
// The fewest with which the generator passes all tests of BigCrush there: where numbers are needed most, for trains and
// at each pulse.
inline constexpr int philox_pulse_rounds = 7;

using Counter = std::array<std::uint32_t, 4>;
using Words = std::array<std::uint32_t, 4>;

struct Key {
  std::uint32_t k0 = 0;
  std::uint32_t k1 = 0;
  static Key from(std::uint64_t value) {
    return {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)};
  }
  [[nodiscard]] std::uint64_t value() const { return k0 | static_cast<std::uint64_t>(k1) << 32; }
  bool operator==(const Key&) const = default;
};

template <int rounds = philox_rounds> Words philox(Counter c, Key key) {
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(philox_multiplier_0) * c[0];
    const std::uint64_t p1 = static_cast<std::uint64_t>(philox_multiplier_1) * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ key.k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ key.k1, static_cast<std::uint32_t>(p0)};
    key.k0 += philox_weyl_0;
    key.k1 += philox_weyl_1;
  }
  return c;
}

}  // namespace mho::random
