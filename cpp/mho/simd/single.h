// One lane, with the operations of the sixteen of simd.h: what a formula that is written for both computes has the same
// bits in either.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "mho/simd/simd.h"

namespace mho::simd {

struct M1 {
  bool v;
};
struct U1 {
  std::uint32_t v;
  U1() = default;
  explicit U1(std::uint32_t value) : v(value) {}
};
struct F1 {
  float v;
  F1() = default;
  explicit F1(float value) : v(value) {}
};

struct Single {
  using F = F1;
  using U = U1;
  using M = M1;
};

inline F1 operator+(F1 a, F1 b) { return F1(a.v + b.v); }
inline F1 operator-(F1 a, F1 b) { return F1(a.v - b.v); }
inline F1 operator*(F1 a, F1 b) { return F1(a.v * b.v); }
inline F1 operator/(F1 a, F1 b) { return F1(a.v / b.v); }
// Fused where those of sixteen lanes are.
inline F1 fma(F1 a, F1 b, F1 c) {
#if defined(__FMA__)
  return F1(__builtin_fmaf(a.v, b.v, c.v));
#else
  return F1(a.v * b.v + c.v);
#endif
}
inline F1 fnma(F1 a, F1 b, F1 c) {
#if defined(__FMA__)
  return F1(__builtin_fmaf(-a.v, b.v, c.v));
#else
  return F1(c.v - a.v * b.v);
#endif
}
inline F1 min(F1 a, F1 b) { return a.v < b.v ? a : b; }
inline F1 max(F1 a, F1 b) { return a.v > b.v ? a : b; }
inline F1 sqrt(F1 a) { return F1(std::sqrt(a.v)); }
inline F1 abs(F1 a) { return F1(std::fabs(a.v)); }
inline F1 rint(F1 a) { return F1(std::nearbyint(a.v)); }
inline F1 clamp(F1 a, F1 low, F1 high) { return max(min(a, high), low); }

inline M1 operator<(F1 a, F1 b) { return {a.v < b.v}; }
inline M1 operator<=(F1 a, F1 b) { return {a.v <= b.v}; }
inline M1 operator>(F1 a, F1 b) { return {a.v > b.v}; }
inline M1 operator>=(F1 a, F1 b) { return {a.v >= b.v}; }
inline M1 operator&(M1 a, M1 b) { return {a.v && b.v}; }
inline M1 operator|(M1 a, M1 b) { return {a.v || b.v}; }
inline M1 same(M1 a, M1 b) { return {a.v == b.v}; }
inline bool any(M1 a) { return a.v; }
// Without a branch: whether a pulse goes up or down cannot be predicted.
inline F1 select(M1 m, F1 a, F1 b) {
  const std::uint32_t mask = 0U - static_cast<std::uint32_t>(m.v);
  return F1(
      std::bit_cast<float>((std::bit_cast<std::uint32_t>(a.v) & mask) | (std::bit_cast<std::uint32_t>(b.v) & ~mask)));
}
inline U1 select(M1 m, U1 a, U1 b) { return m.v ? a : b; }

inline U1 operator&(U1 a, U1 b) { return U1(a.v & b.v); }
inline U1 operator|(U1 a, U1 b) { return U1(a.v | b.v); }
inline U1 operator+(U1 a, U1 b) { return U1(a.v + b.v); }
inline U1 operator-(U1 a, U1 b) { return U1(a.v - b.v); }
template <int n> U1 shift_left(U1 a) { return U1(a.v << n); }
template <int n> U1 shift_right(U1 a) { return U1(a.v >> n); }
template <int n> U1 shift_right_signed(U1 a) {
  return U1(static_cast<std::uint32_t>(static_cast<std::int32_t>(a.v) >> n));
}
inline M1 nonzero(U1 a) { return {a.v != 0}; }
inline M1 greater(U1 a, U1 b) { return {static_cast<std::int32_t>(a.v) > static_cast<std::int32_t>(b.v)}; }

inline F1 as_f32(U1 a) { return F1(std::bit_cast<float>(a.v)); }
inline U1 as_u32(F1 a) { return U1(std::bit_cast<std::uint32_t>(a.v)); }
inline F1 to_float(U1 a) { return F1(static_cast<float>(static_cast<std::int32_t>(a.v))); }
inline U1 round_to_int(F1 a) { return U1(static_cast<std::uint32_t>(static_cast<std::int32_t>(std::nearbyint(a.v)))); }

inline U1 and_or(U1 a, U1 mask, U1 b) { return U1((a.v & mask.v) | b.v); }
inline F1 flip_sign(F1 a, U1 s) { return as_f32(U1(as_u32(a).v ^ (s.v & 0x80000000U))); }
inline F1 split_exponent(F1 x, F1& mantissa) {
  const U1 bits = as_u32(x);
  mantissa = as_f32(U1((bits.v & 0x007FFFFFU) | 0x3F000000U));
  return to_float(shift_right<23>(bits) - U1(126U));
}
inline U1 add_halves(U1 a, U1 b) { return U1(((a.v + b.v) & 0xFFFFU) | ((a.v & 0xFFFF0000U) + (b.v & 0xFFFF0000U))); }
inline U1 subtract_halves(U1 a, U1 b) {
  return U1(((a.v - b.v) & 0xFFFFU) | ((a.v & 0xFFFF0000U) - (b.v & 0xFFFF0000U)));
}
inline U1 sum_of_nibbles(const NibbleTables& tables, U1 a) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  for (int nibble = 0; nibble < 4; ++nibble) {
    low += static_cast<std::uint32_t>(tables.entry[nibble][a.v >> (4 * nibble) & 15U]);
    high += static_cast<std::uint32_t>(tables.entry[nibble][a.v >> (4 * nibble + 16) & 15U]);
  }
  return U1((low & 0xFFFFU) | high << 16);
}
inline F1 look_up(const float* table, U1 i) { return F1(table[i.v & 15]); }
inline void look_up_neighbours(const float* table, U1 i, F1& at, F1& next) {
  at = F1(table[i.v]);
  next = F1(table[i.v + 1]);
}

}  // namespace mho::simd
