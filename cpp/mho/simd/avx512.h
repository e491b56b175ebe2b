// Sixteen lanes in one AVX-512 register (x86-64-v4 with VPOPCNTDQ).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "mho/simd/neighbours.h"
#include "mho/simd/nibble_tables.h"

namespace mho::simd {

inline constexpr int parts = 1;  // registers of sixteen lanes

struct Mask {
  __mmask16 v;
  static Mask of(std::uint32_t bits) { return {static_cast<__mmask16>(bits)}; }
  [[nodiscard]] std::uint32_t bits() const { return v; }
};

struct U32 {
  __m512i v;
  U32() = default;
  U32(__m512i raw) : v(raw) {}
  explicit U32(std::uint32_t s) : v(_mm512_set1_epi32(static_cast<int>(s))) {}
  static U32 load(const std::uint32_t* p) { return _mm512_loadu_si512(p); }
  void store(std::uint32_t* p) const { _mm512_storeu_si512(p, v); }
};

struct F32 {
  __m512 v;
  F32() = default;
  F32(__m512 raw) : v(raw) {}
  explicit F32(float s) : v(_mm512_set1_ps(s)) {}
  static F32 load(const float* p) { return _mm512_loadu_ps(p); }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
};

// Eight 64-bit lanes: what 32 x 32 -> 64 bit products need.
struct U64 {
  __m512i v;
  U64() = default;
  U64(__m512i raw) : v(raw) {}
  explicit U64(std::uint64_t s) : v(_mm512_set1_epi64(static_cast<long long>(s))) {}
};

inline F32 operator+(F32 a, F32 b) { return _mm512_add_ps(a.v, b.v); }
inline F32 operator-(F32 a, F32 b) { return _mm512_sub_ps(a.v, b.v); }
inline F32 operator*(F32 a, F32 b) { return _mm512_mul_ps(a.v, b.v); }
inline F32 operator/(F32 a, F32 b) { return _mm512_div_ps(a.v, b.v); }
inline F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
inline F32 fnma(F32 a, F32 b, F32 c) { return _mm512_fnmadd_ps(a.v, b.v, c.v); }
inline F32 min(F32 a, F32 b) { return _mm512_min_ps(a.v, b.v); }
inline F32 max(F32 a, F32 b) { return _mm512_max_ps(a.v, b.v); }
inline F32 sqrt(F32 a) { return _mm512_sqrt_ps(a.v); }
inline F32 abs(F32 a) { return _mm512_abs_ps(a.v); }
inline F32 rint(F32 a) { return _mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

inline Mask operator<(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline Mask operator<=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
inline Mask operator>(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
inline Mask operator>=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
inline F32 select(Mask m, F32 a, F32 b) { return _mm512_mask_blend_ps(m.v, b.v, a.v); }

inline U32 operator&(U32 a, U32 b) { return _mm512_and_si512(a.v, b.v); }
inline U32 operator|(U32 a, U32 b) { return _mm512_or_si512(a.v, b.v); }
inline U32 operator^(U32 a, U32 b) { return _mm512_xor_si512(a.v, b.v); }
inline U32 andnot(U32 a, U32 b) { return _mm512_andnot_si512(a.v, b.v); }  // ~a & b
inline U32 operator+(U32 a, U32 b) { return _mm512_add_epi32(a.v, b.v); }
inline U32 operator-(U32 a, U32 b) { return _mm512_sub_epi32(a.v, b.v); }
inline U32 operator*(U32 a, U32 b) { return _mm512_mullo_epi32(a.v, b.v); }  // the lower half
template <int n> U32 shift_left(U32 a) { return _mm512_slli_epi32(a.v, n); }
template <int n> U32 shift_right(U32 a) { return _mm512_srli_epi32(a.v, n); }
template <int n> U32 shift_right_signed(U32 a) { return _mm512_srai_epi32(a.v, n); }
inline U32 popcount(U32 a) { return _mm512_popcnt_epi32(a.v); }
inline Mask nonzero(U32 a) { return {_mm512_test_epi32_mask(a.v, a.v)}; }
inline Mask negative(U32 a) { return {_mm512_movepi32_mask(a.v)}; }
inline Mask greater(U32 a, U32 b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }  // lanes read as signed
inline U32 select(Mask m, U32 a, U32 b) { return _mm512_mask_blend_epi32(m.v, b.v, a.v); }

inline Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & b.v)}; }
inline Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.v | b.v)}; }
inline Mask andnot(Mask a, Mask b) { return {static_cast<__mmask16>(~a.v & b.v)}; }
inline Mask same(Mask a, Mask b) { return {static_cast<__mmask16>(~(a.v ^ b.v))}; }
inline bool any(Mask a) { return a.v != 0; }

inline F32 as_f32(U32 a) { return _mm512_castsi512_ps(a.v); }
inline U32 as_u32(F32 a) { return _mm512_castps_si512(a.v); }
inline F32 to_float(U32 a) { return _mm512_cvtepi32_ps(a.v); }      // lanes read as signed
inline U32 round_to_int(F32 a) { return _mm512_cvtps_epi32(a.v); }  // to nearest even

inline U32 and_or(U32 a, U32 mask, U32 b) {  // a & mask | b
  return _mm512_ternarylogic_epi32(a.v, mask.v, b.v, 0xEA);
}
inline F32 flip_sign(F32 a, U32 s) {
  return as_f32(_mm512_ternarylogic_epi32(as_u32(a).v, s.v, U32(0x80000000U).v, 0x78));
}
// x = m 2^e with m in [1/2, 1), of positive, normal numbers.
inline F32 split_exponent(F32 x, F32& mantissa) {
  mantissa = _mm512_getmant_ps(x.v, _MM_MANT_NORM_p5_1, _MM_MANT_SIGN_src);
  return _mm512_add_ps(_mm512_getexp_ps(x.v), _mm512_set1_ps(1.0F));
}
// Lanes as two halves of 16 bits.
inline U32 add_halves(U32 a, U32 b) { return _mm512_add_epi16(a.v, b.v); }
inline U32 subtract_halves(U32 a, U32 b) { return _mm512_sub_epi16(a.v, b.v); }
// Of each half the sum of the entries that its nibbles choose.
[[gnu::always_inline]] inline U32 sum_of_nibbles(const NibbleTables& tables, U32 a) {
  // Shifted by multiplications, for which there are other units than for shifts and permutations.
  const auto chosen = [&](int nibble) __attribute__((always_inline)) {
    const auto power = static_cast<short>(1 << (16 - 4 * nibble));
    const __m512i index = nibble == 0 ? a.v : _mm512_mulhi_epu16(a.v, _mm512_set1_epi16(power));
    return _mm512_permutexvar_epi16(index, _mm512_load_si512(tables.entry[nibble]));
  };
  return _mm512_add_epi16(_mm512_add_epi16(chosen(0), chosen(1)), _mm512_add_epi16(chosen(2), chosen(3)));
}
// The halves of eight lanes in memory, lower one first, as signed numbers of a lane each.
inline U32 load_halves(const std::uint32_t* p) {
  return _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
// Stores lane 4 q + c of both, halves and all, at target[8 c + 2 q] and after it.
inline void store_transposed(U32 first, U32 second, std::uint32_t* target) {
  const __m512i low = _mm512_setr_epi32(0, 16, 4, 20, 8, 24, 12, 28, 1, 17, 5, 21, 9, 25, 13, 29);
  const __m512i two = _mm512_set1_epi32(2);
  _mm512_storeu_si512(target, _mm512_permutex2var_epi32(first.v, low, second.v));
  _mm512_storeu_si512(target + 16, _mm512_permutex2var_epi32(first.v, _mm512_add_epi32(low, two), second.v));
}
// table[i] of each lane, i < 16.
inline F32 look_up(const float* table, U32 i) { return _mm512_permutexvar_ps(i.v, _mm512_load_ps(table)); }
// table[i] and table[i + 1] of each lane, of a table of any length.
[[gnu::always_inline]] inline void look_up_neighbours(const float* table, U32 i, F32& at, F32& next) {
  const auto join = [](__m128 a, __m128 b, __m128 c, __m128 d) __attribute__((always_inline)) {
    const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256(a), b, 1);
    const __m256 high = _mm256_insertf128_ps(_mm256_castps128_ps256(c), d, 1);
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
  };
  const __m128i a = _mm512_castsi512_si128(i.v);
  const __m128i b = _mm512_extracti32x4_epi32(i.v, 1);
  const __m128i c = _mm512_extracti32x4_epi32(i.v, 2);
  const __m128i d = _mm512_extracti32x4_epi32(i.v, 3);
  using detail::neighbours_of_first;
  using detail::neighbours_of_last;
  const __m512 first = join(neighbours_of_first(table, a), neighbours_of_first(table, b), neighbours_of_first(table, c),
                            neighbours_of_first(table, d));
  const __m512 last = join(neighbours_of_last(table, a), neighbours_of_last(table, b), neighbours_of_last(table, c),
                           neighbours_of_last(table, d));
  at = _mm512_shuffle_ps(first, last, 0x88);
  next = _mm512_shuffle_ps(first, last, 0xDD);
}

inline U64 operator^(U64 a, U64 b) { return _mm512_xor_si512(a.v, b.v); }
inline U64 xor3(U64 a, U64 b, U64 c) { return _mm512_ternarylogic_epi64(a.v, b.v, c.v, 0x96); }
inline U64 mul_low32(U64 a, U64 b) { return _mm512_mul_epu32(a.v, b.v); }
inline U64 high32(U64 a) { return _mm512_srli_epi64(a.v, 32); }
inline U64 even_lanes(U32 a) { return a.v; }  // the upper halves are left as they are: mul_low32 ignores them
inline U64 odd_lanes(U32 a) { return _mm512_srli_epi64(a.v, 32); }
inline U32 interleave(U64 even, U64 odd) { return _mm512_mask_shuffle_epi32(even.v, 0xAAAA, odd.v, _MM_PERM_CCAA); }

// Lane 4 q + c of v[r] and lane 4 q + r of v[c] change places: four transposed matrices of four by four.
inline void transpose_fours(F32* v) {
  const __m512d low_a = _mm512_castps_pd(_mm512_unpacklo_ps(v[0].v, v[1].v));
  const __m512d high_a = _mm512_castps_pd(_mm512_unpackhi_ps(v[0].v, v[1].v));
  const __m512d low_b = _mm512_castps_pd(_mm512_unpacklo_ps(v[2].v, v[3].v));
  const __m512d high_b = _mm512_castps_pd(_mm512_unpackhi_ps(v[2].v, v[3].v));
  v[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(low_a, low_b));
  v[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low_a, low_b));
  v[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high_a, high_b));
  v[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high_a, high_b));
}

// Stores the lanes of the mask side by side. Up to 16 places are written; returns how many count.
inline std::size_t compress_store(std::uint32_t* target, U32 value, Mask m) {
  _mm512_storeu_si512(target, _mm512_maskz_compress_epi32(m.v, value.v));
  return static_cast<std::size_t>(__builtin_popcount(m.v));
}

inline std::size_t compress_store(float* target, F32 value, Mask m) {
  _mm512_storeu_ps(target, _mm512_maskz_compress_ps(m.v, value.v));
  return static_cast<std::size_t>(__builtin_popcount(m.v));
}

}  // namespace mho::simd
