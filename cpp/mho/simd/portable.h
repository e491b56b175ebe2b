// Sixteen lanes as a few smaller registers, written with the compilers' vector extension: two of 32 bytes where there
// is AVX2, four of 16 bytes elsewhere.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "mho/simd/neighbours.h"
#include "mho/simd/nibble_tables.h"

namespace mho::simd {

#if defined(__AVX2__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif
inline constexpr int parts = 64 / register_bytes;  // registers of sixteen lanes

typedef float FloatRegister __attribute__((vector_size(register_bytes)));
typedef std::int32_t SignedRegister __attribute__((vector_size(register_bytes)));
typedef std::uint32_t UnsignedRegister __attribute__((vector_size(register_bytes)));
typedef std::uint64_t WideRegister __attribute__((vector_size(register_bytes)));
inline constexpr int part_lanes = register_bytes / 4;
// Anywhere in memory. A copy of so many bytes might be made in halves, for which a load of the whole has to wait.
typedef FloatRegister UnalignedFloats __attribute__((aligned(4), may_alias));
typedef UnsignedRegister UnalignedUnsigned __attribute__((aligned(4), may_alias));

// The registers of sixteen lanes. Each is copied by itself, since a compiler that copies all of them as one piece does
// so by way of memory.
template <class Register> struct Parts {
  Register p[parts];
  Parts() = default;
  [[gnu::always_inline]] Parts(const Parts& other) { *this = other; }
  [[gnu::always_inline]] Parts& operator=(const Parts& other) {
    p[0] = other.p[0];
    p[1] = other.p[1];
    if constexpr (parts == 4) {
      p[2] = other.p[2];
      p[3] = other.p[3];
    }
    return *this;
  }
};

struct Mask : Parts<SignedRegister> {
  [[gnu::always_inline]] static Mask of(std::uint32_t bits) {
    Mask m;
    for (int i = 0; i < parts; ++i) {
      SignedRegister lane{};
      for (int k = 0; k < part_lanes; ++k) lane[k] = 1 << (i * part_lanes + k);
      m.p[i] = ((SignedRegister{} + static_cast<std::int32_t>(bits)) & lane) == lane;
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

struct U32 : Parts<UnsignedRegister> {
  U32() = default;
  explicit U32(std::uint32_t s) {
    for (auto& part : p) part = UnsignedRegister{} + s;
  }
  static U32 load(const std::uint32_t* source) {
    U32 r;
    for (int i = 0; i < parts; ++i) r.p[i] = *reinterpret_cast<const UnalignedUnsigned*>(source + i * part_lanes);
    return r;
  }
  void store(std::uint32_t* target) const {
    for (int i = 0; i < parts; ++i) *reinterpret_cast<UnalignedUnsigned*>(target + i * part_lanes) = p[i];
  }
};

namespace detail {
// One value in all lanes. (`FloatRegister{} + s` has to add, for the sake of a negative zero.)
template <int... lane>
[[gnu::always_inline]] inline FloatRegister spread(float s, std::integer_sequence<int, lane...>) {
  return FloatRegister{(static_cast<void>(lane), s)...};
}
}  // namespace detail

struct F32 : Parts<FloatRegister> {
  F32() = default;
  explicit F32(float s) {
    for (auto& part : p) part = detail::spread(s, std::make_integer_sequence<int, part_lanes>{});
  }
  static F32 load(const float* source) {
    F32 r;
    for (int i = 0; i < parts; ++i) r.p[i] = *reinterpret_cast<const UnalignedFloats*>(source + i * part_lanes);
    return r;
  }
  void store(float* target) const {
    for (int i = 0; i < parts; ++i) *reinterpret_cast<UnalignedFloats*>(target + i * part_lanes) = p[i];
  }
};

// Eight 64-bit lanes: what 32 x 32 -> 64 bit products need.
struct U64 : Parts<WideRegister> {
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
#if defined(__AVX2__)
    const __m256i of_nibble = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                               0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    const auto v = (__m256i)a.p[i];
    const __m256i low = _mm256_shuffle_epi8(of_nibble, _mm256_and_si256(v, nibble));
    const __m256i high = _mm256_shuffle_epi8(of_nibble, _mm256_and_si256(_mm256_srli_epi32(v, 4), nibble));
    const __m256i of_pair = _mm256_maddubs_epi16(_mm256_add_epi8(low, high), _mm256_set1_epi8(1));
    return (UnsignedRegister)_mm256_madd_epi16(of_pair, _mm256_set1_epi16(1));
#else
    UnsignedRegister v = a.p[i];
    v = v - ((v >> 1) & 0x55555555U);
    v = (v & 0x33333333U) + ((v >> 2) & 0x33333333U);
    v = (v + (v >> 4)) & 0x0F0F0F0FU;
    v = v + (v >> 8);
    return (v + (v >> 16)) & 0x3FU;
#endif
  });
}
[[gnu::always_inline]] inline Mask nonzero(U32 a) {
  return detail::each<Mask>([&](int i) { return a.p[i] != 0U; });
}
[[gnu::always_inline]] inline Mask negative(U32 a) {
  return detail::each<Mask>([&](int i) { return (SignedRegister)a.p[i] < 0; });
}
[[gnu::always_inline]] inline Mask greater(U32 a, U32 b) {  // lanes read as signed
  return detail::each<Mask>([&](int i) { return (SignedRegister)a.p[i] > (SignedRegister)b.p[i]; });
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
[[gnu::always_inline]] inline bool any(Mask a) {
#if defined(__AVX2__)
  return _mm256_movemask_ps(_mm256_or_ps((__m256)a.p[0], (__m256)a.p[1])) != 0;
#else
  return a.bits() != 0;
#endif
}

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
#if defined(__AVX2__)
  return detail::each<U32>([&](int i) { return (UnsignedRegister)_mm256_cvtps_epi32((__m256)a.p[i]); });
#else
  const F32 r = rint(a);
  return detail::each<U32>([&](int i) { return (UnsignedRegister) __builtin_convertvector(r.p[i], SignedRegister); });
#endif
}

[[gnu::always_inline]] inline U32 and_or(U32 a, U32 mask, U32 b) { return (a & mask) | b; }
[[gnu::always_inline]] inline F32 flip_sign(F32 a, U32 s) { return as_f32(as_u32(a) ^ (s & U32(0x80000000U))); }
// x = m 2^e with m in [1/2, 1), of positive, normal numbers.
[[gnu::always_inline]] inline F32 split_exponent(F32 x, F32& mantissa) {
  const U32 bits = as_u32(x);
  mantissa = as_f32((bits & U32(0x007FFFFFU)) | U32(0x3F000000U));
  return to_float(shift_right<23>(bits) - U32(126U));
}
// Lanes as two halves of 16 bits.
typedef std::uint16_t HalvesRegister __attribute__((vector_size(register_bytes)));
[[gnu::always_inline]] inline U32 add_halves(U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return (UnsignedRegister)((HalvesRegister)a.p[i] + (HalvesRegister)b.p[i]); });
}
[[gnu::always_inline]] inline U32 subtract_halves(U32 a, U32 b) {
  return detail::each<U32>([&](int i) { return (UnsignedRegister)((HalvesRegister)a.p[i] - (HalvesRegister)b.p[i]); });
}
#if defined(__SSSE3__)
namespace detail {
// table[i] of each byte i < 16.
[[gnu::always_inline]] inline UnsignedRegister look_up_bytes(const void* table, UnsignedRegister index) {
  const __m128i entries = _mm_load_si128(static_cast<const __m128i*>(table));
#if defined(__AVX2__)
  return (UnsignedRegister)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), (__m256i)index);
#else
  return (UnsignedRegister)_mm_shuffle_epi8(entries, (__m128i)index);
#endif
}
// Of each half the products of its bytes, unsigned by signed ones, added up.
[[gnu::always_inline]] inline HalvesRegister add_products(UnsignedRegister plain, UnsignedRegister with_sign) {
#if defined(__AVX2__)
  return (HalvesRegister)_mm256_maddubs_epi16((__m256i)plain, (__m256i)with_sign);
#else
  return (HalvesRegister)_mm_maddubs_epi16((__m128i)plain, (__m128i)with_sign);
#endif
}
}  // namespace detail
#endif
// Of each half the sum of the entries that its nibbles choose.
[[gnu::always_inline]] inline U32 sum_of_nibbles(const NibbleTables& tables, U32 a) {
  return detail::each<U32>([&](int i) {
#if defined(__SSSE3__)
    // Low and high bytes of the entries are summed up by themselves, two neighbours with their factors at a time.
    HalvesRegister low{};
    HalvesRegister high{};
    const auto add = [&](int table, UnsignedRegister index) __attribute__((always_inline)) {
      const auto pair = static_cast<std::uint32_t>(tables.factor[table] | tables.factor[table + 2] << 8);
      const UnsignedRegister factors = UnsignedRegister{} + (pair | pair << 16);
      low += detail::add_products(detail::look_up_bytes(tables.low[table], index), factors);
      high += detail::add_products(factors, detail::look_up_bytes(tables.high[table], index));
    };
    add(0, a.p[i] & 0x0F0F0F0FU);
    add(1, a.p[i] >> 4 & 0x0F0F0F0FU);
    return (UnsignedRegister)(low + (high << 8));
#else
    const auto halves = (HalvesRegister)a.p[i];
    HalvesRegister r{};
    for (int k = 0; k < register_bytes / 2; ++k) {
      for (int n = 0; n < 4; ++n) {
        r[k] = static_cast<std::uint16_t>(r[k] + tables.entry[n][halves[k] >> (4 * n) & 15]);
      }
    }
    return (UnsignedRegister)r;
#endif
  });
}
// The halves of eight lanes in memory, lower one first, as signed numbers of a lane each.
[[gnu::always_inline]] inline U32 load_halves(const std::uint32_t* source) {
  return detail::each<U32>([&](int i) {
    const std::uint32_t* from = source + i * part_lanes / 2;
#if defined(__AVX2__)
    return (UnsignedRegister)_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
    UnsignedRegister r{};
    for (int k = 0; k < part_lanes; k += 2) {
      r[k] = static_cast<std::uint32_t>(static_cast<std::int32_t>(from[k / 2] << 16) >> 16);
      r[k + 1] = static_cast<std::uint32_t>(static_cast<std::int32_t>(from[k / 2]) >> 16);
    }
    return r;
#endif
  });
}
// Stores lane 4 q + c of both, halves and all, at target[8 c + 2 q] and after it.
[[gnu::always_inline]] inline void store_transposed(U32 first, U32 second, std::uint32_t* target) {
#if defined(__AVX2__)
  // Of one register the lanes of q = 0 and 1, of the other those of 2 and 3; in each the four c are neighbours.
  const auto fours = [](UnsignedRegister a, UnsignedRegister b, bool upper) __attribute__((always_inline)) {
    return upper ? _mm256_unpackhi_epi32((__m256i)a, (__m256i)b) : _mm256_unpacklo_epi32((__m256i)a, (__m256i)b);
  };
  for (int half = 0; half < 2; ++half) {
    const __m256i early = fours(first.p[0], second.p[0], half == 1);
    const __m256i late = fours(first.p[1], second.p[1], half == 1);
    auto* to = reinterpret_cast<__m256i*>(target + 16 * half);
    _mm256_storeu_si256(to, _mm256_permute4x64_epi64(_mm256_unpacklo_epi64(early, late), 0xD8));
    _mm256_storeu_si256(to + 1, _mm256_permute4x64_epi64(_mm256_unpackhi_epi64(early, late), 0xD8));
  }
#else
  for (int lane = 0; lane < 16; ++lane) {
    std::uint32_t* to = target + lane % 4 * 8 + lane / 4 * 2;
    to[0] = first.p[lane / part_lanes][lane % part_lanes];
    to[1] = second.p[lane / part_lanes][lane % part_lanes];
  }
#endif
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
  for (int i = 0; i < parts; ++i) {
#if defined(__AVX2__)
    const auto indices = (__m256i)index.p[i];
    const __m128i a = _mm256_castsi256_si128(indices);
    const __m128i b = _mm256_extracti128_si256(indices, 1);
    const auto join = [](__m128 low, __m128 high) __attribute__((always_inline)) {
      return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
    };
    const __m256 first = join(detail::neighbours_of_first(table, a), detail::neighbours_of_first(table, b));
    const __m256 last = join(detail::neighbours_of_last(table, a), detail::neighbours_of_last(table, b));
    at.p[i] = (FloatRegister)_mm256_shuffle_ps(first, last, 0x88);
    next.p[i] = (FloatRegister)_mm256_shuffle_ps(first, last, 0xDD);
#elif defined(__SSE2__)
    const __m128 first = detail::neighbours_of_first(table, (__m128i)index.p[i]);
    const __m128 last = detail::neighbours_of_last(table, (__m128i)index.p[i]);
    at.p[i] = (FloatRegister)_mm_shuffle_ps(first, last, 0x88);
    next.p[i] = (FloatRegister)_mm_shuffle_ps(first, last, 0xDD);
#else
    for (int k = 0; k < part_lanes; ++k) {
      at.p[i][k] = table[index.p[i][k]];
      next.p[i][k] = table[index.p[i][k] + 1];
    }
#endif
  }
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
  return detail::each<U32>([&](int i) {
#if defined(__AVX2__)
    return (UnsignedRegister)_mm256_blend_epi32((__m256i)even.p[i], _mm256_slli_epi64((__m256i)odd.p[i], 32), 0xAA);
#else
    return (UnsignedRegister)((even.p[i] & 0xFFFFFFFFU) | (odd.p[i] << 32));
#endif
  });
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

#if defined(__AVX2__)
namespace detail {
// Of each set of eight lanes the numbers of its lanes, a byte each.
inline constexpr auto lanes_of_set = [] {
  std::array<std::uint64_t, 256> table{};
  for (std::size_t set = 0; set < table.size(); ++set) {
    int n = 0;
    for (std::uint64_t lane = 0; lane < 8; ++lane) {
      if ((set >> lane & 1) != 0) table[set] |= lane << (8 * n++);
    }
  }
  return table;
}();
}  // namespace detail
#endif

// Stores the lanes of the mask side by side. Up to 16 places are written; returns how many count.
template <class Number, class Lanes>
[[gnu::always_inline]] inline std::size_t compress_store(Number* target, Lanes value, Mask m) {
  std::size_t n = 0;
#if defined(__AVX2__)
  for (int i = 0; i < parts; ++i) {
    const auto set = static_cast<std::uint32_t>(_mm256_movemask_ps((__m256)m.p[i]));
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(&detail::lanes_of_set[set]));
    const __m256i chosen = _mm256_permutevar8x32_epi32((__m256i)value.p[i], _mm256_cvtepu8_epi32(bytes));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + n), chosen);
    n += static_cast<std::size_t>(__builtin_popcount(set));
  }
#else
  Number lanes[16];
  value.store(lanes);
  for (std::uint32_t left = m.bits(); left != 0; left &= left - 1) target[n++] = lanes[__builtin_ctz(left)];
#endif
  return n;
}

}  // namespace mho::simd
