// Random numbers of sixteen lanes at a time: the words of a counter (purpose, step, element, draw), and the uniform and
// gaussian numbers made of them.
//
// A group is sixteen neighbouring elements. One draw gives four words for each of them: the group is a logical unit,
// the same on every machine, and hardware lanes never enter a counter.
#pragma once

#include <cstdint>

#include "mho/random/philox.h"
#include "mho/random/purpose.h"
#include "mho/simd/math.h"
#include "mho/simd/simd.h"

namespace mho::random {

using simd::F32;
using simd::U32;
using simd::U64;

struct WordBlock {
  U32 word[4];
};

struct GaussianBlock {
  F32 value[4];
};

// Key and the part of the counter that a kernel holds fixed.
class Stream {
 public:
  Stream(Key key, std::uint16_t purpose, std::uint64_t step)
      : key_(key),
        step_low_(static_cast<std::uint32_t>(step)),
        step_high_(static_cast<std::uint32_t>(step >> 32) | (static_cast<std::uint32_t>(purpose) << 16)) {}
  Stream(Key key, Purpose purpose, std::uint64_t step) : Stream(key, static_cast<std::uint16_t>(purpose), step) {}

  // The words of elements element .. element + 15.
  //
  // Only the element differs between lanes, so most of the first three rounds is the same for all of them and is done
  // once, in scalars. Each lane still gets exactly Philox4x32-10 of its own counter.
  [[nodiscard]] WordBlock words(std::uint32_t element, std::uint32_t draw) const {
    return words(simd::lane_index() + U32(element), draw);
  }

  // The words of sixteen elements anywhere.
  [[nodiscard]] WordBlock words(U32 element, std::uint32_t draw) const {
    Key key = key_;
    const auto bump = [&key] { key = {key.k0 + philox_weyl_0, key.k1 + philox_weyl_1}; };
    const auto product = [](std::uint32_t multiplier, std::uint32_t value) {
      return static_cast<std::uint64_t>(multiplier) * value;
    };
    const auto high = [](std::uint64_t p) { return static_cast<std::uint32_t>(p >> 32); };
    const auto low = [](std::uint64_t p) { return static_cast<std::uint32_t>(p); };

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
    for (int round = 3; round < philox_rounds; ++round, bump()) {
      even.round(key);
      odd.round(key);
    }
    return {{simd::interleave(even.c0, odd.c0), simd::interleave(even.c1, odd.c1), simd::interleave(even.c2, odd.c2),
             simd::interleave(even.c3, odd.c3)}};
  }

  [[nodiscard]] inline GaussianBlock gaussians(std::uint32_t element, std::uint32_t draw) const;

 private:
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

  Key key_;
  std::uint32_t step_low_;
  std::uint32_t step_high_;
};

// Uniform in (0, 1), never 0 and never 1: what a logarithm needs.
[[gnu::always_inline]] inline F32 open_uniform(U32 word) {
  const F32 u = simd::fma(simd::to_float(simd::shift_right<1>(word)), F32(0x1p-31F), F32(0x1p-32F));
  return simd::min(u, F32(1.0F - 0x1p-24F));
}

// Two independent gaussians from two words, by the method of Box and Muller (1958): exact, without a table, with tails
// to 6.6 sigma. The angle is drawn in the first quadrant, the signs are two bits of their own.
[[gnu::always_inline]] inline void box_muller(U32 radius_word, U32 angle_word, F32& first, F32& second) {
  const F32 radius = simd::sqrt(simd::negative_log(open_uniform(radius_word)));  // the factor sqrt(2) is in the angle
  // The upper 30 bits, as a signed fraction of [-1, 1), give an angle in [-pi/4, pi/4).
  const F32 angle = simd::to_float(angle_word & U32(0xFFFFFFFCU)) * F32(0x1p-31F * 0.785398163397448310F);
  F32 sine;
  F32 cosine;
  simd::sin_cos_quarter(angle, sine, cosine);
  first = simd::flip_sign(radius * (cosine - sine), simd::shift_left<31>(angle_word));
  second = simd::flip_sign(radius * (cosine + sine), simd::shift_left<30>(angle_word) & U32(0x80000000U));
}

// Value `row` (0 to 3) of the gaussians of a block.
inline F32 to_gaussian(const WordBlock& block, std::size_t row) {
  F32 first;
  F32 second;
  box_muller(block.word[row & 2], block.word[(row & 2) + 1], first, second);
  return (row & 1) == 0 ? first : second;
}

inline GaussianBlock to_gaussians(const WordBlock& block) {
  GaussianBlock r;
  box_muller(block.word[0], block.word[1], r.value[0], r.value[1]);
  box_muller(block.word[2], block.word[3], r.value[2], r.value[3]);
  return r;
}

inline GaussianBlock Stream::gaussians(std::uint32_t element, std::uint32_t draw) const {
  return to_gaussians(words(element, draw));
}

// Lines of a vector (inputs, outputs) share draws in blocks of 64: line 64 b + 16 k + i is word k of element 16 b + i.
inline constexpr std::size_t line_block = 64;

}  // namespace mho::random
