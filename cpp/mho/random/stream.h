// Random numbers of sixteen lanes at a time: the words of a counter (purpose, step, element, draw), and the uniform and
// gaussian numbers made of them.
//
// A group is sixteen neighbouring elements. One draw gives four words, and eight gaussians, for each of them: the group
// is a logical unit, the same on every machine, and hardware lanes never enter a counter.
#pragma once

#include <cstdint>

#include "mho/random/philox.h"
#include "mho/random/purpose.h"
#include "mho/simd/math.h"
#include "mho/simd/simd.h"
#include "mho/simd/single.h"

namespace mho::random {

using simd::F32;
using simd::U32;
using simd::U64;

// The words of one element or of sixteen.
template <class U> struct WordsOf {
  U word[4];
};
using WordBlock = WordsOf<U32>;

// Gaussians 2 k and 2 k + 1 come from word k.
inline constexpr std::size_t block_gaussians = 8;
struct GaussianBlock {
  F32 value[block_gaussians];
};

// Two independent gaussians from one word, by the method of Box and Muller (1958): 20 bits for the radius, so that
// tails reach 5.4 sigma, and 12 for the direction. The directions are evenly spaced, so that every moment of order
// below 4096 is what a continuous direction gives. F, U: one lane or sixteen.
template <class U, class F> [[gnu::always_inline]] inline void box_muller(U word, F& first, F& second) {
  // Bits 0 to 19, plus a half: u in (0, 1), by way of a float in (1, 2).
  const F u = as_f32(and_or(simd::shift_left<3>(word), U(0x007FFFF8U), U(0x3F800004U))) - F(1.0F);
  const F radius = sqrt(simd::negative_log_below_one(u));  // the factor sqrt(2) is in the angle
  // Bits 20 to 29, plus a half: an angle in (-pi/4, pi/4) from the diagonal of the first quadrant.
  const F a = as_f32(and_or(simd::shift_right<7>(word), U(0x007FE000U), U(0x3F801000U)));
  const F angle = fma(a, F(1.570796326794897F), F(-2.356194490192345F));
  F sine;
  F cosine;
  simd::sin_cos_quarter(angle, sine, cosine);
  // Bits 31 and 30: the quadrant.
  first = flip_sign(radius * (cosine - sine), word);
  second = flip_sign(radius * (cosine + sine), simd::shift_left<1>(word));
}
// No gaussian is larger.
inline constexpr float largest_gaussian = 5.4F;

// Of each lane the gaussian `first` + index % 4; first is 0 or 4.
[[gnu::always_inline]] inline F32 to_gaussian(const WordBlock& block, std::size_t first, U32 index) {
  F32 even;
  F32 odd;
  box_muller(simd::select(simd::nonzero(index & U32(2U)), block.word[first / 2 + 1], block.word[first / 2]), even, odd);
  return simd::select(simd::nonzero(index & U32(1U)), odd, even);
}

// Of each lane the word index % 4.
inline U32 word_of(const WordBlock& block, U32 index) {
  const auto odd = simd::nonzero(index & U32(1U));
  const U32 low = simd::select(odd, block.word[1], block.word[0]);
  const U32 high = simd::select(odd, block.word[3], block.word[2]);
  return simd::select(simd::nonzero(index & U32(2U)), high, low);
}

[[gnu::always_inline]] inline GaussianBlock to_gaussians(const WordBlock& block) {
  GaussianBlock r;
  for (std::size_t k = 0; k < 4; ++k) box_muller(block.word[k], r.value[2 * k], r.value[2 * k + 1]);
  return r;
}

// Key and the part of the counter that a kernel holds fixed.
template <int rounds> class BasicStream {
 public:
  BasicStream(Key key, std::uint16_t purpose, std::uint64_t step)
      : key_(key),
        step_low_(static_cast<std::uint32_t>(step)),
        step_high_(static_cast<std::uint32_t>(step >> 32) | (static_cast<std::uint32_t>(purpose) << 16)) {}
  BasicStream(Key key, Purpose purpose, std::uint64_t step)
      : BasicStream(key, static_cast<std::uint16_t>(purpose), step) {}

  // The words of elements element .. element + 15.
  [[nodiscard]] WordBlock words(std::uint32_t element, std::uint32_t draw) const {
    return words(simd::lane_index() + U32(element), draw);
  }

  // The words of sixteen elements anywhere.
  //
  // Only the element differs between lanes, so most of the first three rounds is the same for all of them and is done
  // once, in scalars. Each lane still gets exactly the words of its own counter.
  [[nodiscard, gnu::always_inline]] WordBlock words(U32 element, std::uint32_t draw) const {
    Key key = key_;
    const auto bump = [&key] { key = next(key); };

    // Round 1: c0 becomes the only word that differs between lanes.
    std::uint64_t p0 = product(philox_multiplier_0, draw);
    std::uint64_t p1 = product(philox_multiplier_1, step_low_);
    const U32 lane0 = element ^ U32(high(p1) ^ key.k0);
    const std::uint32_t s1 = low(p1);
    const std::uint32_t s2 = high(p0) ^ step_high_ ^ key.k1;
    const std::uint32_t s3 = low(p0);
    bump();
    // Round 2: c2 and c3 differ, c0 and c1 do not.
    p1 = product(philox_multiplier_1, s2);
    const std::uint32_t t0 = high(p1) ^ s1 ^ key.k0;
    const std::uint32_t t1 = low(p1);
    const U64 m0(philox_multiplier_0);
    const U64 m1(philox_multiplier_1);
    const U64 e0 = simd::mul_low32(simd::even_lanes(lane0), m0);
    const U64 o0 = simd::mul_low32(simd::odd_lanes(lane0), m0);
    const U64 mix2(s3 ^ key.k1);
    const U64 even2 = simd::high32(e0) ^ mix2;
    const U64 odd2 = simd::high32(o0) ^ mix2;
    bump();
    // Round 3: c3 does not differ.
    p0 = product(philox_multiplier_0, t0);
    const U64 e1 = simd::mul_low32(even2, m1);
    const U64 o1 = simd::mul_low32(odd2, m1);
    const U64 mix0(t1 ^ key.k0);
    const U64 mix3(high(p0) ^ key.k1);
    Quad even{simd::high32(e1) ^ mix0, e1, e0 ^ mix3, U64(low(p0))};
    Quad odd{simd::high32(o1) ^ mix0, o1, o0 ^ mix3, U64(low(p0))};
    bump();
    for (int round = 3; round < rounds; ++round, bump()) {
      even.round(key);
      odd.round(key);
    }
    return interleave(even, odd);
  }

  // The same where lanes also have steps of their own: `step_low` are the lower halves. What draw and purpose make of
  // the first two rounds is the same for all of them.
  [[nodiscard, gnu::always_inline]] WordBlock words_of_steps(U32 step_low, U32 element, std::uint32_t draw) const {
    Key key = next(key_);
    const std::uint64_t p0 = product(philox_multiplier_0, draw);
    const std::uint64_t p1 = product(philox_multiplier_1, high(p0) ^ step_high_ ^ key_.k1);
    const auto two_rounds = [&](U64 step, U64 elements) __attribute__((always_inline)) {
      const U64 first = simd::mul_low32(step, U64(philox_multiplier_1));
      const U64 mixed = simd::xor3(simd::high32(first), elements, U64(key_.k0));
      const U64 second = simd::mul_low32(mixed, U64(philox_multiplier_0));
      return Quad{first ^ U64(high(p1) ^ key.k0), U64(low(p1)), simd::high32(second) ^ U64(low(p0) ^ key.k1), second};
    };
    Quad even = two_rounds(simd::even_lanes(step_low), simd::even_lanes(element));
    Quad odd = two_rounds(simd::odd_lanes(step_low), simd::odd_lanes(element));
    for (int round = 2; round < rounds; ++round) {
      key = next(key);
      even.round(key);
      odd.round(key);
    }
    return interleave(even, odd);
  }

  // The same where they have draws of their own.
  [[nodiscard, gnu::always_inline]] WordBlock words_of_draws(U32 draw, U32 element) const {
    Key key = key_;
    Quad even{simd::even_lanes(draw), simd::even_lanes(element), U64(step_low_), U64(step_high_)};
    Quad odd{simd::odd_lanes(draw), simd::odd_lanes(element), U64(step_low_), U64(step_high_)};
    for (int round = 0; round < rounds; ++round, key = next(key)) {
      even.round(key);
      odd.round(key);
    }
    return interleave(even, odd);
  }
  [[nodiscard]] WordsOf<simd::U1> words_of_draws(simd::U1 draw, simd::U1 element) const {
    const Words words = words_of_one(element.v, draw.v);
    return {{simd::U1(words[0]), simd::U1(words[1]), simd::U1(words[2]), simd::U1(words[3])}};
  }

  // The words of one element.
  [[nodiscard]] Words words_of_one(std::uint32_t element, std::uint32_t draw) const {
    return philox<rounds>({draw, element, step_low_, step_high_}, key_);
  }

  [[nodiscard]] GaussianBlock gaussians(std::uint32_t element, std::uint32_t draw) const {
    return to_gaussians(words(element, draw));
  }

 private:
  static Key next(Key key) { return {key.k0 + philox_weyl_0, key.k1 + philox_weyl_1}; }
  static std::uint64_t product(std::uint32_t multiplier, std::uint32_t value) {
    return static_cast<std::uint64_t>(multiplier) * value;
  }
  static std::uint32_t high(std::uint64_t p) { return static_cast<std::uint32_t>(p >> 32); }
  static std::uint32_t low(std::uint64_t p) { return static_cast<std::uint32_t>(p); }

  // Four counter words of eight lanes. Only the lower halves of the 64-bit lanes count.
  struct Quad {
    U64 c0, c1, c2, c3;
    [[gnu::always_inline]] void round(Key key) {
      const U64 p0 = simd::mul_low32(c0, U64(philox_multiplier_0));
      const U64 p1 = simd::mul_low32(c2, U64(philox_multiplier_1));
      c0 = simd::xor3(simd::high32(p1), c1, U64(key.k0));
      c2 = simd::xor3(simd::high32(p0), c3, U64(key.k1));
      c1 = p1;
      c3 = p0;
    }
  };
  [[gnu::always_inline]] static WordBlock interleave(const Quad& even, const Quad& odd) {
    return {{simd::interleave(even.c0, odd.c0), simd::interleave(even.c1, odd.c1), simd::interleave(even.c2, odd.c2),
             simd::interleave(even.c3, odd.c3)}};
  }

  Key key_;
  std::uint32_t step_low_;
  std::uint32_t step_high_;
};

using Stream = BasicStream<philox_rounds>;
using PulseStream = BasicStream<philox_pulse_rounds>;

// Uniform in (0, 1), never 0 and never 1: what a logarithm needs.
[[gnu::always_inline]] inline F32 open_uniform(U32 word) {
  const F32 u = simd::fma(simd::to_float(simd::shift_right<1>(word)), F32(0x1p-31F), F32(0x1p-32F));
  return simd::min(u, F32(1.0F - 0x1p-24F));
}

// Lines of a vector (inputs, outputs) share draws. Of words in blocks of 64: line 64 b + 16 k + i is word k of element
// 16 b + i. Of gaussians in blocks of 128: line 128 b + 16 k + i is gaussian k of element 16 b + i.
inline constexpr std::size_t word_lines = 64;
inline constexpr std::size_t gaussian_lines = 128;

}  // namespace mho::random
