// Gaussian numbers for pulses, of which each device needs some in each sample: by tables and sums of integers, without
// a logarithm or a root. What is drawn less often, as the parameters of devices and the noise of reads, takes the finer
// numbers of random/stream.h.
//
// The sum of many small independent numbers is nearly normal; the less is wrong, the more of their cumulants vanish.
// Each half of a word gives the sum of four entries of tables of sixteen, which its nibbles choose, and of the halves
// of two words the sum and the difference are taken, which have eight entries each and are uncorrelated. That is the
// table-Hadamard generator of Thomas ("FPGA Gaussian random number generators with guaranteed statistical accuracy",
// FCCM 2014) with two words for four gaussians. tools/find_gaussian_tables.py made the tables, so that the distribution
// of such a sum, which can be computed exactly, is as normal as integers allow.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "mho/random/stream.h"
#include "mho/simd/nibble_tables.h"

namespace mho::random {

inline constexpr simd::NibbleTables gaussian_tables{
    {{11, 48, 91, 148, 197, 274, 344, 480}, {8, 13, 21, 33, 40, 59, 69, 646}}, {8, 5, 6, 4}};
// Of the integers that are summed up: a power of two, so that a number in floating point is made without a product.
inline constexpr float gaussian_unit = 1.0F / 4096.0F;
// No gaussian is larger.
inline constexpr float largest_table_gaussian = 6.2F;

// Four gaussians of two words, as integers in halves of lanes: 0 and 1 in the lower and the upper ones of the first, 2
// and 3 in those of the second. U: one lane or sixteen.
template <class U> struct FourGaussians {
  U first, second;
  FourGaussians() = default;
  [[gnu::always_inline]] FourGaussians(U word, U next) {
    const U a = sum_of_nibbles(gaussian_tables, word);
    const U b = sum_of_nibbles(gaussian_tables, next);
    first = add_halves(a, b);
    second = subtract_halves(a, b);
  }
};

// Of a signed integer of half a lane: it is added to the bits of a number about which neighbours are a unit apart.
template <class U> [[gnu::always_inline]] inline auto table_gaussian(U integer) {
  constexpr float middle = (0x1p23F + 0x1p15F) * gaussian_unit;
  const auto value = as_f32(integer + U(std::bit_cast<std::uint32_t>(middle)));
  return value - decltype(value)(middle);
}
// Two gaussians of the halves of a lane each.
template <class F, class U> [[gnu::always_inline]] inline void two_gaussians(U halves, F& lower, F& upper) {
  lower = table_gaussian(simd::shift_right_signed<16>(simd::shift_left<16>(halves)));
  upper = table_gaussian(simd::shift_right_signed<16>(halves));
}
// Sixteen of integers that lie side by side in memory, two in a lane.
[[gnu::always_inline]] inline F32 load_gaussians(const std::uint32_t* integers) {
  return table_gaussian(simd::load_halves(integers));
}

// The eight gaussians of each of sixteen elements, as integers two in a lane: 2 p and 2 p + 1 of element i are at
// target[16 p + i].
inline void store_pairs(const WordsOf<U32>& block, std::uint32_t* target) {
  for (std::size_t k = 0; k < 4; k += 2) {
    const FourGaussians<U32> four(block.word[k], block.word[k + 1]);
    four.first.store(target + 16 * k);
    four.second.store(target + 16 * k + 16);
  }
}
// As numbers: gaussian g of element i is at target[16 g + i].
inline void store_gaussians(const WordsOf<U32>& block, float* target) {
  for (std::size_t k = 0; k < 4; k += 2) {
    const FourGaussians<U32> four(block.word[k], block.word[k + 1]);
    F32 value[4];
    two_gaussians(four.first, value[0], value[1]);
    two_gaussians(four.second, value[2], value[3]);
    for (std::size_t g = 0; g < 4; ++g) value[g].store(target + 16 * (2 * k + g));
  }
}

// Of each lane the number index % 4 of the four of two words.
template <class U> [[gnu::always_inline]] inline auto table_gaussian(U word, U next, U index) {
  const FourGaussians<U> four(word, next);
  const U halves = select(nonzero(index & U(2U)), four.second, four.first);
  const U upper = select(nonzero(index & U(1U)), halves, simd::shift_left<16>(halves));
  return table_gaussian(simd::shift_right_signed<16>(upper));
}
// Of each lane the gaussian `first` + index % 4; first is 0 or 4.
template <class U>
[[gnu::always_inline]] inline auto table_gaussian(const WordsOf<U>& block, std::size_t first, U index) {
  return table_gaussian(block.word[first / 2], block.word[first / 2 + 1], index);
}

}  // namespace mho::random
