#include "mho/simd/simd.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>

#include "mho/simd/single.h"

namespace mho::simd {
namespace {

using Floats = std::array<float, lanes>;
using Words = std::array<std::uint32_t, lanes>;

Floats stored(F32 a) {
  Floats r;
  a.store(r.data());
  return r;
}
Words stored(U32 a) {
  Words r;
  a.store(r.data());
  return r;
}

// Three registers of each type: random bits in most lanes, the ends of the range in some.
class Lanes : public testing::TestWithParam<std::uint32_t> {
 protected:
  Lanes() {
    std::mt19937 generator(GetParam());
    const std::uint32_t ends[] = {0U, 1U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU, 0x00010000U};
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t i = 0; i < lanes; ++i) {
        words_[k][i] = generator() % 3 == 0 ? ends[generator() % 6] : static_cast<std::uint32_t>(generator());
        const double u = static_cast<double>(generator()) / 4294967296.0 - 0.5;
        floats_[k][i] = static_cast<float>(u * std::exp2(static_cast<double>(generator() % 21) - 10));
        if (generator() % 8 == 0) floats_[k][i] = 0.5F * static_cast<float>(static_cast<int>(generator() % 9) - 4);
      }
      u_[k] = U32::load(words_[k].data());
      f_[k] = F32::load(floats_[k].data());
    }
  }
  template <class R, class Scalar> void expect_floats(R result, Scalar&& scalar) const {
    const Floats r = stored(result);
    for (std::size_t i = 0; i < lanes; ++i) {
      EXPECT_EQ(r[i], scalar(floats_[0][i], floats_[1][i], floats_[2][i])) << "lane " << i;
    }
  }
  template <class R, class Scalar> void expect_words(R result, Scalar&& scalar) const {
    const Words r = stored(result);
    for (std::size_t i = 0; i < lanes; ++i) {
      EXPECT_EQ(r[i], scalar(words_[0][i], words_[1][i], words_[2][i])) << "lane " << i;
    }
  }
  template <class Scalar> void expect_mask(Mask mask, Scalar&& scalar) const {
    for (std::size_t i = 0; i < lanes; ++i) EXPECT_EQ((mask.bits() >> i & 1U) != 0, scalar(i)) << "lane " << i;
  }

  std::array<Words, 3> words_;
  std::array<Floats, 3> floats_;
  U32 u_[3];
  F32 f_[3];
};

TEST_P(Lanes, DoArithmetic) {
  expect_floats(f_[0] + f_[1], [](float a, float b, float) { return a + b; });
  expect_floats(f_[0] - f_[1], [](float a, float b, float) { return a - b; });
  expect_floats(f_[0] * f_[1], [](float a, float b, float) { return a * b; });
  expect_floats(f_[0] / (f_[1] * f_[1] + F32(1.0F)), [](float a, float b, float) { return a / (b * b + 1.0F); });
  expect_floats(min(f_[0], f_[1]), [](float a, float b, float) { return std::fmin(a, b); });
  expect_floats(max(f_[0], f_[1]), [](float a, float b, float) { return std::fmax(a, b); });
  expect_floats(abs(f_[0]), [](float a, float, float) { return std::fabs(a); });
  expect_floats(sqrt(abs(f_[0])), [](float a, float, float) { return std::sqrt(std::fabs(a)); });
  expect_floats(rint(f_[0]), [](float a, float, float) { return std::nearbyint(a); });
  expect_floats(clamp(f_[0], F32(-1.0F), F32(2.0F)),
                [](float a, float, float) { return std::fmax(std::fmin(a, 2.0F), -1.0F); });
}

// With one rounding where the level has such an instruction, with two elsewhere.
TEST_P(Lanes, MultiplyAndAdd) {
  const Floats plus = stored(fma(f_[0], f_[1], f_[2]));
  const Floats minus = stored(fnma(f_[0], f_[1], f_[2]));
  for (std::size_t i = 0; i < lanes; ++i) {
    const double product = static_cast<double>(floats_[0][i]) * static_cast<double>(floats_[1][i]);
    const double added = floats_[2][i];
    const double tolerance = (std::fabs(product) + std::fabs(added)) * 0x1p-23;
    EXPECT_NEAR(plus[i], product + added, tolerance);
    EXPECT_NEAR(minus[i], added - product, tolerance);
  }
}

TEST_P(Lanes, Compare) {
  const auto& a = floats_[0];
  const auto& b = floats_[1];
  expect_mask(f_[0] < f_[1], [&](std::size_t i) { return a[i] < b[i]; });
  expect_mask(f_[0] <= f_[1], [&](std::size_t i) { return a[i] <= b[i]; });
  expect_mask(f_[0] > f_[1], [&](std::size_t i) { return a[i] > b[i]; });
  expect_mask(f_[0] >= f_[1], [&](std::size_t i) { return a[i] >= b[i]; });
  expect_mask(f_[0] <= f_[0], [](std::size_t) { return true; });
  expect_mask(nonzero(u_[0]), [&](std::size_t i) { return words_[0][i] != 0; });
  expect_mask(negative(u_[0]), [&](std::size_t i) { return words_[0][i] >> 31 != 0; });
  const auto as_signed = [](std::uint32_t word) { return static_cast<std::int32_t>(word); };
  expect_mask(greater(u_[0], u_[1]), [&](std::size_t i) { return as_signed(words_[0][i]) > as_signed(words_[1][i]); });
  const Mask m = f_[0] < f_[1];
  const Mask n = f_[0] < f_[2];
  const auto bit = [](Mask mask, std::size_t i) { return (mask.bits() >> i & 1U) != 0; };
  expect_mask(m & n, [&](std::size_t i) { return bit(m, i) && bit(n, i); });
  expect_mask(m | n, [&](std::size_t i) { return bit(m, i) || bit(n, i); });
  expect_mask(andnot(m, n), [&](std::size_t i) { return !bit(m, i) && bit(n, i); });
  EXPECT_EQ(any(m), m.bits() != 0);
  EXPECT_FALSE(any(f_[0] < f_[0]));
  expect_floats(select(m, f_[0], f_[2]), [](float x, float y, float z) { return x < y ? x : z; });
  expect_words(select(greater(u_[0], u_[1]), u_[0], u_[2]),
               [&](std::uint32_t x, std::uint32_t y, std::uint32_t z) { return as_signed(x) > as_signed(y) ? x : z; });
}

TEST_P(Lanes, WorkOnBits) {
  using Word = std::uint32_t;
  expect_words(u_[0] & u_[1], [](Word a, Word b, Word) { return a & b; });
  expect_words(u_[0] | u_[1], [](Word a, Word b, Word) { return a | b; });
  expect_words(u_[0] ^ u_[1], [](Word a, Word b, Word) { return a ^ b; });
  expect_words(andnot(u_[0], u_[1]), [](Word a, Word b, Word) { return ~a & b; });
  expect_words(u_[0] + u_[1], [](Word a, Word b, Word) { return a + b; });
  expect_words(u_[0] - u_[1], [](Word a, Word b, Word) { return a - b; });
  expect_words(shift_left<5>(u_[0]), [](Word a, Word, Word) { return a << 5; });
  expect_words(shift_right<7>(u_[0]), [](Word a, Word, Word) { return a >> 7; });
  expect_words(shift_right_signed<31>(u_[0]), [](Word a, Word, Word) { return a >> 31 != 0 ? ~0U : 0U; });
  expect_words(shift_right_signed<3>(u_[0]),
               [](Word a, Word, Word) { return static_cast<Word>(static_cast<std::int32_t>(a) >> 3); });
  expect_words(popcount(u_[0]), [](Word a, Word, Word) { return static_cast<Word>(std::popcount(a)); });
  expect_words(as_u32(flip_sign(as_f32(u_[0]), u_[1])), [](Word a, Word b, Word) { return a ^ (b & 0x80000000U); });
  expect_words(and_or(u_[0], u_[1], u_[2]), [](Word a, Word b, Word c) { return (a & b) | c; });
}

TEST_P(Lanes, HaveHalves) {
  const auto halves = [](std::uint32_t low, std::uint32_t high) { return (low & 0xFFFFU) | high << 16; };
  const auto added = [&](std::uint32_t a, std::uint32_t b, std::uint32_t) {
    return halves(a + b, (a >> 16) + (b >> 16));
  };
  const auto subtracted = [&](std::uint32_t a, std::uint32_t b, std::uint32_t) {
    return halves(a - b, (a >> 16) - (b >> 16));
  };
  static constexpr NibbleTables tables({{0, 3, 77, 255, 256, 300, 511, 1023}, {1, 2, 3, 5, 8, 127, 128, 900}},
                                       {8, 5, 6, 4});
  const auto summed = [&](std::uint32_t a, std::uint32_t, std::uint32_t) {
    int sums[2] = {};
    for (int k = 0; k < 8; ++k) sums[k / 4] += tables.entry[k % 4][a >> (4 * k) & 15U];
    return halves(static_cast<std::uint32_t>(sums[0]), static_cast<std::uint32_t>(sums[1]));
  };
  expect_words(add_halves(u_[0], u_[1]), added);
  expect_words(subtract_halves(u_[0], u_[1]), subtracted);
  expect_words(sum_of_nibbles(tables, u_[0]), summed);
  for (std::size_t i = 0; i < lanes; ++i) {
    const U1 a(words_[0][i]);
    const U1 b(words_[1][i]);
    EXPECT_EQ(add_halves(a, b).v, added(a.v, b.v, 0));
    EXPECT_EQ(subtract_halves(a, b).v, subtracted(a.v, b.v, 0));
    EXPECT_EQ(sum_of_nibbles(tables, a).v, summed(a.v, 0, 0));
  }
  EXPECT_EQ(tables.entry[0][2], 8 * 77);
  EXPECT_EQ(tables.entry[3][14], -4 * 128);

  const Words loaded = stored(load_halves(words_[0].data() + 3));
  for (std::size_t i = 0; i < lanes; ++i) {
    const auto half = static_cast<std::uint16_t>(words_[0][3 + i / 2] >> (16 * (i % 2)));
    EXPECT_EQ(loaded[i], static_cast<std::uint32_t>(static_cast<std::int16_t>(half)));
  }
  std::uint32_t transposed[2 * lanes];
  store_transposed(u_[0], u_[1], transposed);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    EXPECT_EQ(transposed[lane % 4 * 8 + lane / 4 * 2], words_[0][lane]);
    EXPECT_EQ(transposed[lane % 4 * 8 + lane / 4 * 2 + 1], words_[1][lane]);
  }
}

TEST_P(Lanes, AreMasksOfBits) {
  const std::uint32_t bits = (GetParam() * 40503U) & 0xFFFFU;
  const Mask a = Mask::of(bits);
  const Mask b = Mask::of(GetParam() * 977U & 0xFFFFU);
  EXPECT_EQ(a.bits(), bits);
  EXPECT_EQ(Mask::of(bits | 0xFFFF0000U).bits(), bits);
  EXPECT_EQ(same(a, b).bits(), ~(a.bits() ^ b.bits()) & 0xFFFFU);
}

TEST_P(Lanes, Convert) {
  const Floats as_floats = stored(to_float(u_[0]));
  const Words rounded = stored(round_to_int(f_[0]));
  for (std::size_t i = 0; i < lanes; ++i) {
    EXPECT_EQ(as_floats[i], static_cast<float>(static_cast<std::int32_t>(words_[0][i])));
    EXPECT_EQ(static_cast<std::int32_t>(rounded[i]), static_cast<std::int32_t>(std::nearbyint(floats_[0][i])));
  }
  EXPECT_EQ(stored(as_u32(as_f32(u_[0]))), words_[0]);
}

TEST_P(Lanes, MultiplyWide) {
  const U64 even = mul_low32(even_lanes(u_[0]), even_lanes(u_[1]));
  const U64 odd = mul_low32(odd_lanes(u_[0]), odd_lanes(u_[1]));
  const Words low = stored(interleave(even, odd));
  const Words high = stored(interleave(high32(even), high32(odd)));
  const U64 key(0x9E3779B97F4A7C15ULL);
  const Words mixed = stored(interleave(xor3(even, odd, key), even ^ odd));
  for (std::size_t i = 0; i < lanes; ++i) {
    const std::uint64_t product = static_cast<std::uint64_t>(words_[0][i]) * words_[1][i];
    EXPECT_EQ(low[i], static_cast<std::uint32_t>(product));
    EXPECT_EQ(high[i], static_cast<std::uint32_t>(product >> 32));
    const std::size_t pair = i / 2 * 2;
    const std::uint32_t both = low[pair] ^ low[pair + 1];
    EXPECT_EQ(mixed[i], i % 2 == 0 ? both ^ 0x7F4A7C15U : both);
  }
}

TEST_P(Lanes, MoveBetweenPlaces) {
  alignas(64) float table[16];
  Words index{};
  for (std::size_t i = 0; i < lanes; ++i) {
    table[i] = static_cast<float>(i) * 0.5F;
    index[i] = static_cast<std::uint32_t>((i * 7 + GetParam()) % 16);
  }
  const Floats found = stored(look_up(table, U32::load(index.data())));
  for (std::size_t i = 0; i < lanes; ++i) EXPECT_EQ(found[i], static_cast<float>(index[i]) * 0.5F);

  // Neighbours anywhere in a longer table, at no particular address.
  std::array<float, 1026> longer{};
  for (std::size_t i = 0; i < longer.size(); ++i) longer[i] = static_cast<float>(i * i % 4093) - 7.0F;
  Words place{};
  for (std::size_t i = 0; i < lanes; ++i) place[i] = words_[0][i] % 1024U;
  for (std::size_t offset = 0; offset < 2; ++offset) {
    F32 at;
    F32 next;
    look_up_neighbours(longer.data() + offset, U32::load(place.data()), at, next);
    const Floats here = stored(at);
    const Floats there = stored(next);
    for (std::size_t i = 0; i < lanes; ++i) {
      EXPECT_EQ(here[i], longer[place[i] + offset]);
      EXPECT_EQ(there[i], longer[place[i] + offset + 1]);
      F1 one{};
      F1 after{};
      look_up_neighbours(longer.data() + offset, U1(place[i]), one, after);
      EXPECT_EQ(one.v, here[i]);
      EXPECT_EQ(after.v, there[i]);
    }
  }

  const Mask some = f_[0] < f_[1];
  Words packed{};
  Floats packed_floats{};
  EXPECT_EQ(compress_store(packed.data(), u_[0], some), std::popcount(some.bits()));
  EXPECT_EQ(compress_store(packed_floats.data(), f_[0], some), std::popcount(some.bits()));
  std::size_t next = 0;
  for (std::size_t i = 0; i < lanes; ++i) {
    if ((some.bits() >> i & 1U) == 0) continue;
    EXPECT_EQ(packed[next], words_[0][i]);
    EXPECT_EQ(packed_floats[next], stored(f_[0])[i]);
    ++next;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Lanes, testing::Range(1U, 21U));

TEST(Simd, TransposesFoursOfLanes) {
  F32 v[4];
  for (std::uint32_t r = 0; r < 4; ++r) v[r] = to_float(lane_index() + U32(100 * r));
  transpose_fours(v);
  for (std::size_t r = 0; r < 4; ++r) {
    const Floats now = stored(v[r]);
    for (std::size_t i = 0; i < lanes; ++i) {
      EXPECT_EQ(now[i], static_cast<float>(100 * (i % 4) + i / 4 * 4 + r)) << r << " " << i;
    }
  }
}

TEST(Simd, NumbersItsLanes) {
  const Words index = stored(lane_index());
  for (std::size_t i = 0; i < lanes; ++i) EXPECT_EQ(index[i], i);
}

TEST(Simd, RoundsHalvesToEven) {
  const Floats halves = {0.5F, 1.5F, 2.5F, 3.5F, -0.5F, -1.5F, -2.5F, -3.5F, 4.5F, 5.5F, 6.5F, 7.5F, 0, 1, 2, 3};
  const Floats r = stored(rint(F32::load(halves.data())));
  const Words w = stored(round_to_int(F32::load(halves.data())));
  const float expected[] = {0, 2, 2, 4, 0, -2, -2, -4, 4, 6, 6, 8, 0, 1, 2, 3};
  for (std::size_t i = 0; i < lanes; ++i) {
    EXPECT_EQ(r[i], expected[i]);
    EXPECT_EQ(static_cast<float>(static_cast<std::int32_t>(w[i])), expected[i]);
  }
}

}  // namespace
}  // namespace mho::simd
