// Sixteen lanes as a few smaller registers, written with the compilers' vector extension: two of 32 bytes where there
// is AVX2, four of 16 bytes elsewhere.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mho::simd {

#if defined(__AVX2__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif
inline constexpr int parts = 64 / register_bytes;

typedef float FloatRegister __attribute__((vector_size(register_bytes)));
typedef std::int32_t SignedRegister __attribute__((vector_size(register_bytes)));
typedef std::uint32_t UnsignedRegister __attribute__((vector_size(register_bytes)));
typedef std::uint64_t WideRegister __attribute__((vector_size(register_bytes)));
inline constexpr int part_lanes = register_bytes / 4;

struct Mask {
  SignedRegister p[parts];
  [[gnu::always_inline]] static Mask of(std::uint32_t bits) {
    Mask m;
    for (int i = 0; i < parts; ++i) {
      SignedRegister lane{};
      for (int k = 0; k < part_lanes; ++k) lane[k] = 1 << (i * part_lanes + k);
      m.p[i] = ((SignedRegister{} + static_cast<std::int32_t>(bits)) & lane) != 0;
    }
    return m;
  }
  [[nodiscard]] std::uint32_t bits() const {
    std::uint32_t r = 0;
    for (int i = 0; i < parts; ++i) {
#if defined(__AVX2__)
      const auto m = static_cast<std::uint32_t>(_mm256_movemask_ps((__m256)p[i]));
#elif defined(__SSE2__)
      const auto m = static_cast<std::uint32_t>(_mm_movemask_ps((__m128)p[i]));
#else
      std::uint32_t m = 0;
      for (int k = 0; k < part_lanes; ++k) m |= (p[i][k] != 0 ? 1U : 0U) << k;
#endif
      r |= m << (i * part_lanes);
    }
    return r;
  }
};

struct U32 {
  UnsignedRegister p[parts];
  U32() = default;
  explicit U32(std::uint32_t s) {
    for (auto& part : p) part = UnsignedRegister{} + s;
  }
  static U32 load(const std::uint32_t* source) {
    U32 r;
    std::memcpy(&r, source, 64);
    return r;
  }
  void store(std::uint32_t* target) const { std::memcpy(target, p, 64); }
};

struct F32 {
  FloatRegister p[parts];
  F32() = default;
  explicit F32(float s) {
    for (auto& part : p) part = FloatRegister{} + s;
  }
  static F32 load(const float* source) {
    F32 r;
    std::memcpy(&r, source, 64);
    return r;
  }
  void store(float* target) const { std::memcpy(target, p, 64); }
};

// Eight 64-bit lanes: what 32 x 32 -> 64 bit products need.
struct U64 {
  WideRegister p[parts];
  U64() = default;
  explicit U64(std::uint64_t s) {
    for (auto& part : p) part = WideRegister{} + s;
  }
};

// Everything here is inlined by force: a call would pass its vectors through memory.
namespace detail {
// Written out rather than as a loop: the parts then stay in registers.
template <class R, class Operation> [[gnu::always_inline]] inline R each(Operation operation) {
  R r;
  r.p[0] = operation(0);
  r.p[1] = operation(1);
  if constexpr (parts == 4) {
    r.p[2] = operation(2);
    r.p[3] = operation(3);
  }
  return r;
}
}  // namespace detail

[[gnu::always_inline]] inline F32 operator+(F32 a, F32 b) {
  return detail::each<F32>([&](int i) { return a.p[i] + b.p[i]; });
}
[[gnu::always_inline]] inline F32 operator-(F32 a, F32 b) {
  return detail::each<F32>([&](int i) { return a.p[i] - b.p[i]; });
}
[[gnu::always_inline]] inline F32 operator*(F32 a, F32 b) {
  return detail::each<F32>([&](int i) { return a.p[i] * b.p[i]; });
}
[[gnu::always_inline]] inline F32 operator/(F32 a, F32 b) {
  return detail::each<F32>([&](int i) { return a.p[i] / b.p[i]; });
}
[[gnu::always_inline]] inline F32 fma(F32 a, F32 b, F32 c) {
  return detail::each<F32>([&](int i) {
#if defined(__FMA__)
    return (FloatRegister)_mm256_fmadd_ps((__m256)a.p[i], (__m256)b.p[i], (__m256)c.p[i]);
#else
    return a.p[i] * b.p[i] + c.p[i];
#endif
  });
}
[[gnu::always_inline]] inline F32 fnma(F32 a, F32 b, F32 c) {
  return detail::each<F32>([&](int i) {
#if defined(__FMA__)
    return (FloatRegister)_mm256_fnmadd_ps((__m256)a.p[i], (__m256)b.p[i], (__m256)c.p[i]);
#else
    return c.p[i] - a.p[i] * b.p[i];
#endif
  });
}
[[gnu::always_inline]] inline F32 min(F32 a, F32 b) {
  return detail::each<F32>([&](int i) { return a.p[i] < b.p[i] ? a.p[i] : b.p[i]; });
}
[[gnu::always_inline]] inline F32 max(F32 a, F32 b) {
  return detail::each<F32>([&](int i) { return a.p[i] > b.p[i] ? a.p[i] : b.p[i]; });
}
[[gnu::always_inline]] inline F32 sqrt(F32 a) {
  return detail::each<F32>([&](int i) {
#if defined(__AVX2__)
    return (FloatRegister)_mm256_sqrt_ps((__m256)a.p[i]);
#elif defined(__SSE2__)
    return (FloatRegister)_mm_sqrt_ps((__m128)a.p[i]);
#else
    FloatRegister r{};
    for (int k = 0; k < part_lanes; ++k) r[k] = std::sqrt(a.p[i][k]);
    return r;
#endif
  });
}
[[gnu::always_inline]] inline F32 rint(F32 a) {
  return detail::each<F32>([&](int i) {
#if defined(__AVX2__)
    return (FloatRegister)_mm256_round_ps((__m256)a.p[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__SSE4_1__)
    return (FloatRegister)_mm_round_ps((__m128)a.p[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    FloatRegister r{};
    for (int k = 0; k < part_lanes; ++k) r[k] = std::nearbyint(a.p[i][k]);
    return r;
#endif
  });
}
[[gnu::always_inline]] inline F32 abs(F32 a) {
  return detail::each<F32>([&](int i) { return (FloatRegister)((UnsignedRegister)a.p[i] & 0x7FFFFFFFU); });
}

[[gnu::always_inline]] inline Mask operator<(F32 a, F32 b) {
  return detail::each<Mask>([&](int i) { return a.p[i] < b.p[i]; });
}
[[gnu::always_inline]] inline Mask operator<=(F32 a, F32 b) {
  return detail::each<Mask>([&](int i) { return a.p[i] <= b.p[i]; });
}
[[gnu::always_inline]] inline Mask operator>(F32 a, F32 b) {
  return detail::each<Mask>([&](int i) { return a.p[i] > b.p[i]; });
}
[[gnu::always_inline]] inline Mask operator>=(F32 a, F32 b) {
  return detail::each<Mask>([&](int i) { return a.p[i] >= b.p[i]; });
}
[[gnu::always_inline]] inline F32 select(Mask m, F32 a, F32 b) {
  return detail::each<F32>([&](int i) { return m.p[i] ? a.p[i] : b.p[i]; });
}

[[gnu::always_inline]] inline U32 operator&(U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return a.p[i] & b.p[i]; });
}
[[gnu::always_inline]] inline U32 operator|(U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return a.p[i] | b.p[i]; });
}
[[gnu::always_inline]] inline U32 operator^(U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return a.p[i] ^ b.p[i]; });
}
[[gnu::always_inline]] inline U32 andnot(U32 a, U32 b) {  // ~a & b
  return detail::each<U32>([&](int i) { return ~a.p[i] & b.p[i]; });
}
[[gnu::always_inline]] inline U32 operator+(U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return a.p[i] + b.p[i]; });
}
[[gnu::always_inline]] inline U32 operator-(U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return a.p[i] - b.p[i]; });
}
[[gnu::always_inline]] inline U32 operator*(U32 a, U32 b) {  // the lower half
  return detail::each<U32>([&](int i) { return a.p[i] * b.p[i]; });
}
template <int n> [[gnu::always_inline]] inline U32 shift_left(U32 a) {
  return detail::each<U32>([&](int i) { return a.p[i] << n; });
}
template <int n> [[gnu::always_inline]] inline U32 shift_right(U32 a) {
  return detail::each<U32>([&](int i) { return a.p[i] >> n; });
}
template <int n> [[gnu::always_inline]] inline U32 shift_right_signed(U32 a) {
  return detail::each<U32>([&](int i) { return (UnsignedRegister)((SignedRegister)a.p[i] >> n); });
}
[[gnu::always_inline]] inline U32 popcount(U32 a) {
  return detail::each<U32>([&](int i) {
    UnsignedRegister v = a.p[i];
    v = v - ((v >> 1) & 0x55555555U);
    v = (v & 0x33333333U) + ((v >> 2) & 0x33333333U);
    v = (v + (v >> 4)) & 0x0F0F0F0FU;
    v = v + (v >> 8);
    return (v + (v >> 16)) & 0x3FU;
  });
}
[[gnu::always_inline]] inline Mask nonzero(U32 a) {
  return detail::each<Mask>([&](int i) { return a.p[i] != 0U; });
}
[[gnu::always_inline]] inline Mask negative(U32 a) {
  return detail::each<Mask>([&](int i) { return (SignedRegister)a.p[i] < 0; });
}
[[gnu::always_inline]] inline Mask greater(U32 a, U32 b) {
  return detail::each<Mask>([&](int i) { return a.p[i] > b.p[i]; });
}
[[gnu::always_inline]] inline U32 select(Mask m, U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return m.p[i] ? a.p[i] : b.p[i]; });
}

[[gnu::always_inline]] inline Mask operator&(Mask a, Mask b) {
  return detail::each<Mask>([&](int i) { return a.p[i] & b.p[i]; });
}
[[gnu::always_inline]] inline Mask operator|(Mask a, Mask b) {
  return detail::each<Mask>([&](int i) { return a.p[i] | b.p[i]; });
}
[[gnu::always_inline]] inline Mask andnot(Mask a, Mask b) {
  return detail::each<Mask>([&](int i) { return ~a.p[i] & b.p[i]; });
}
[[gnu::always_inline]] inline Mask same(Mask a, Mask b) {
  return detail::each<Mask>([&](int i) { return ~(a.p[i] ^ b.p[i]); });
}
[[gnu::always_inline]] inline bool any(Mask a) { return a.bits() != 0; }

[[gnu::always_inline]] inline F32 as_f32(U32 a) {
  return detail::each<F32>([&](int i) { return (FloatRegister)a.p[i]; });
}
[[gnu::always_inline]] inline U32 as_u32(F32 a) {
  return detail::each<U32>([&](int i) { return (UnsignedRegister)a.p[i]; });
}
[[gnu::always_inline]] inline F32 to_float(U32 a) {  // lanes read as signed
  return detail::each<F32>([&](int i) { return __builtin_convertvector((SignedRegister)a.p[i], FloatRegister); });
}
[[gnu::always_inline]] inline U32 round_to_int(F32 a) {  // to nearest even
  const F32 r = rint(a);
  return detail::each<U32>([&](int i) { return (UnsignedRegister) __builtin_convertvector(r.p[i], SignedRegister); });
}

[[gnu::always_inline]] inline U32 and_or(U32 a, U32 mask, U32 b) { return (a & mask) | b; }
[[gnu::always_inline]] inline F32 flip_sign(F32 a, U32 s) { return as_f32(as_u32(a) ^ (s & U32(0x80000000U))); }
// x = m 2^e with m in [1/2, 1), of positive, normal numbers.
[[gnu::always_inline]] inline F32 split_exponent(F32 x, F32& mantissa) {
  const U32 bits = as_u32(x);
  mantissa = as_f32((bits & U32(0x007FFFFFU)) | U32(0x3F000000U));
  return to_float(shift_right<23>(bits) - U32(126U));
}
// table[i] of each lane, i < 16.
[[gnu::always_inline]] inline F32 look_up(const float* table, U32 index) {
  return detail::each<F32>([&](int i) {
#if defined(__AVX2__)
    const auto lanes = (__m256i)index.p[i];
    const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), lanes);
    const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), lanes);
    return (FloatRegister)_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(lanes, 28)));
#else
    FloatRegister r{};
    for (int k = 0; k < part_lanes; ++k) r[k] = table[index.p[i][k] & 15];
    return r;
#endif
  });
}
// table[i] and table[i + 1] of each lane, of a table of any length.
[[gnu::always_inline]] inline void look_up_neighbours(const float* table, U32 index, F32& at, F32& next) {
  const auto look_up_at = [&](const float* from) {
    return detail::each<F32>([&](int i) {
#if defined(__AVX2__)
      return (FloatRegister)_mm256_i32gather_ps(from, (__m256i)index.p[i], 4);
#else
      FloatRegister r{};
      for (int k = 0; k < part_lanes; ++k) r[k] = from[index.p[i][k]];
      return r;
#endif
    });
  };
  at = look_up_at(table);
  next = look_up_at(table + 1);
}

[[gnu::always_inline]] inline U64 operator^(U64 a, U64 b) {
  return detail::each<U64>([&](int i) { return a.p[i] ^ b.p[i]; });
}
[[gnu::always_inline]] inline U64 xor3(U64 a, U64 b, U64 c) { return a ^ b ^ c; }
[[gnu::always_inline]] inline U64 mul_low32(U64 a, U64 b) {
  return detail::each<U64>([&](int i) {
#if defined(__AVX2__)
    return (WideRegister)_mm256_mul_epu32((__m256i)a.p[i], (__m256i)b.p[i]);
#elif defined(__SSE2__)
    return (WideRegister)_mm_mul_epu32((__m128i)a.p[i], (__m128i)b.p[i]);
#else
    return (a.p[i] & 0xFFFFFFFFU) * (b.p[i] & 0xFFFFFFFFU);
#endif
  });
}
[[gnu::always_inline]] inline U64 high32(U64 a) {
  return detail::each<U64>([&](int i) { return a.p[i] >> 32; });
}
[[gnu::always_inline]] inline U64 even_lanes(U32 a) {  // the upper halves are left as they are: mul_low32 ignores them
  return detail::each<U64>([&](int i) { return (WideRegister)a.p[i]; });
}
[[gnu::always_inline]] inline U64 odd_lanes(U32 a) {
  return detail::each<U64>([&](int i) { return (WideRegister)a.p[i] >> 32; });
}
[[gnu::always_inline]] inline U32 interleave(U64 even, U64 odd) {
  return detail::each<U32>([&](int i) { return (UnsignedRegister)((even.p[i] & 0xFFFFFFFFU) | (odd.p[i] << 32)); });
}

// Lane 4 q + c of v[r] and lane 4 q + r of v[c] change places: four transposed matrices of four by four.
[[gnu::always_inline]] inline void transpose_fours(F32* v) {
  for (int i = 0; i < parts; ++i) {
#if defined(__AVX2__)
    const __m256d low_a = (__m256d)_mm256_unpacklo_ps((__m256)v[0].p[i], (__m256)v[1].p[i]);
    const __m256d high_a = (__m256d)_mm256_unpackhi_ps((__m256)v[0].p[i], (__m256)v[1].p[i]);
    const __m256d low_b = (__m256d)_mm256_unpacklo_ps((__m256)v[2].p[i], (__m256)v[3].p[i]);
    const __m256d high_b = (__m256d)_mm256_unpackhi_ps((__m256)v[2].p[i], (__m256)v[3].p[i]);
    v[0].p[i] = (FloatRegister)_mm256_unpacklo_pd(low_a, low_b);
    v[1].p[i] = (FloatRegister)_mm256_unpackhi_pd(low_a, low_b);
    v[2].p[i] = (FloatRegister)_mm256_unpacklo_pd(high_a, high_b);
    v[3].p[i] = (FloatRegister)_mm256_unpackhi_pd(high_a, high_b);
#elif defined(__SSE2__)
    const __m128d low_a = (__m128d)_mm_unpacklo_ps((__m128)v[0].p[i], (__m128)v[1].p[i]);
    const __m128d high_a = (__m128d)_mm_unpackhi_ps((__m128)v[0].p[i], (__m128)v[1].p[i]);
    const __m128d low_b = (__m128d)_mm_unpacklo_ps((__m128)v[2].p[i], (__m128)v[3].p[i]);
    const __m128d high_b = (__m128d)_mm_unpackhi_ps((__m128)v[2].p[i], (__m128)v[3].p[i]);
    v[0].p[i] = (FloatRegister)_mm_unpacklo_pd(low_a, low_b);
    v[1].p[i] = (FloatRegister)_mm_unpackhi_pd(low_a, low_b);
    v[2].p[i] = (FloatRegister)_mm_unpacklo_pd(high_a, high_b);
    v[3].p[i] = (FloatRegister)_mm_unpackhi_pd(high_a, high_b);
#else
    for (int lane = 0; lane < part_lanes; ++lane) {
      for (int r = lane % 4 + 1; r < 4; ++r) {
        const int other = lane - lane % 4 + r;
        const float kept = v[lane % 4].p[i][other];
        v[lane % 4].p[i][other] = v[r].p[i][lane];
        v[r].p[i][lane] = kept;
      }
    }
#endif
  }
}

// Stores the lanes of the mask side by side. Up to 16 places are written; returns how many count.
[[gnu::always_inline]] inline std::size_t compress_store(std::uint32_t* target, U32 value, Mask m) {
  std::uint32_t lanes[16];
  value.store(lanes);
  std::size_t n = 0;
  for (std::uint32_t left = m.bits(); left != 0; left &= left - 1) target[n++] = lanes[__builtin_ctz(left)];
  return n;
}

}  // namespace mho::simd
