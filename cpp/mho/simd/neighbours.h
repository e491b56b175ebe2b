// Neighbours in a table, for lanes with an index each, by single loads: where processors gather by a program of their
// own, that takes longer, and nothing else goes on meanwhile.
#pragma once

#if defined(__SSE2__)

#include <immintrin.h>

#include <cstdint>

namespace mho::simd::detail {

// table[i], table[i + 1], table[j], table[j + 1] of indices i and j, the two halves of a number.
[[gnu::always_inline]] inline __m128 neighbours_of_two(const float* table, long long indices) {
  const auto both = static_cast<std::uint64_t>(indices);
  const auto place = [table](std::uint64_t n) { return reinterpret_cast<const double*>(table + n); };
  return _mm_castpd_ps(_mm_loadh_pd(_mm_load_sd(place(both & 0xFFFFFFFFU)), place(both >> 32)));
}
// Of the first two and of the last two of four indices.
[[gnu::always_inline]] inline __m128 neighbours_of_first(const float* table, __m128i indices) {
  return neighbours_of_two(table, _mm_cvtsi128_si64(indices));
}
[[gnu::always_inline]] inline __m128 neighbours_of_last(const float* table, __m128i indices) {
  return neighbours_of_two(table, _mm_cvtsi128_si64(_mm_unpackhi_epi64(indices, indices)));
}

}  // namespace mho::simd::detail

#endif
