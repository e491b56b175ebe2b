#include "mho/random/table_gaussian.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "support.h"

namespace mho::random {
namespace {

using simd::U1;

// Probabilities of the integers from -n to n.
std::vector<double> distribution_of_sums() {
  std::vector<double> p{1.0};
  for (int k = 0; k < 8; ++k) {
    const std::int16_t (&entries)[32] = gaussian_tables.entry[k % 4];
    int largest = 0;
    for (const std::int16_t entry : entries) largest = std::max<int>(largest, entry);
    std::vector<double> wider(p.size() + 2 * static_cast<std::size_t>(largest));
    for (std::size_t index = 0; index < 16; ++index) {
      const auto shift = static_cast<std::size_t>(largest + entries[index]);
      for (std::size_t i = 0; i < p.size(); ++i) wider[shift + i] += p[i] / 16;
    }
    p = std::move(wider);
  }
  return p;
}

// No sample is drawn: it is the distribution itself, whose distance from the normal one the tables leave.
TEST(TableGaussian, IsNormalAsFarAsTheTablesAllow) {
  const std::vector<double> p = distribution_of_sums();
  const double middle = static_cast<double>(p.size() / 2);
  const double tails[] = {1, 2, 3, 3.5, 4, 4.5, 5};
  double moments[4] = {};  // of order 0, 2, 4, 6
  double beyond[7] = {};
  double below = 0;
  double distance = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double x = (static_cast<double>(i) - middle) * static_cast<double>(gaussian_unit);
    for (int k = 0; k < 4; ++k) moments[k] += p[i] * std::pow(x, 2 * k);
    for (int k = 0; k < 7; ++k) beyond[k] += x > tails[k] ? p[i] : 0;
    distance = std::fmax(distance, std::fabs(below + p[i] / 2 - 0.5 * std::erfc(-x / std::numbers::sqrt2)));
    below += p[i];
  }
  EXPECT_NEAR(moments[0], 1, 1e-12);
  EXPECT_NEAR(moments[1], 1, 1e-5);
  EXPECT_NEAR(moments[2], 3, 5e-4);
  EXPECT_NEAR(moments[3], 15, 6e-3);
  EXPECT_LT(distance, 6e-5);
  const double off[] = {1e-3, 1e-3, 0.01, 0.01, 0.02, 0.1, 0.2};
  for (int k = 0; k < 7; ++k) {
    EXPECT_NEAR(beyond[k] / (0.5 * std::erfc(tails[k] / std::numbers::sqrt2)), 1, off[k]) << tails[k] << " sigma";
  }
  const double largest = middle * static_cast<double>(gaussian_unit);
  EXPECT_GT(largest, 6);
  EXPECT_LT(largest, static_cast<double>(largest_table_gaussian));
  EXPECT_LE(middle, 32767);  // no half of a lane runs over
}

// The sum and the difference of independent numbers A and B have the covariance var A - var B = 0, and the one of their
// squares is 2 (kurtosis A - 3) (var A)^2, which vanishes with the kurtosis of a sum.
TEST(TableGaussian, IsUncorrelatedWithTheOthersOfItsWords) {
  double second = 0;
  double fourth = 0;
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const U1 sum = sum_of_nibbles(gaussian_tables, U1(bits));
    const double a = static_cast<double>(static_cast<std::int16_t>(sum.v)) * static_cast<double>(gaussian_unit);
    second += a * a;
    fourth += a * a * a * a;
  }
  second /= 0x10000;
  fourth /= 0x10000;
  EXPECT_NEAR(second, 0.5, 5e-6);
  EXPECT_NEAR(2 * (fourth - 3 * second * second), 0, 5e-4);
}

TEST(TableGaussian, HasTheBitsOfOneLaneInEach) {
  for (std::uint32_t k = 0; k < 3000; ++k) {
    const random::Words words = tests::words_of(11, 3, 5, k, 0);
    const auto expected = tests::table_gaussians_of(words);
    const FourGaussians four{U32(words[0]), U32(words[1])};
    const FourGaussians single{U1(words[0]), U1(words[1])};
    F32 values[4];
    simd::F1 one[4];
    two_gaussians(four.first, values[0], values[1]);
    two_gaussians(four.second, values[2], values[3]);
    two_gaussians(single.first, one[0], one[1]);
    two_gaussians(single.second, one[2], one[3]);
    for (std::uint32_t i = 0; i < 4; ++i) {
      float lanes[simd::lanes];
      values[i].store(lanes);
      for (const float lane : lanes) ASSERT_EQ(lane, expected[i]);
      ASSERT_EQ(one[i].v, expected[i]);
      const WordsOf<U1> both{{U1(words[2]), U1(words[3]), U1(words[0]), U1(words[1])}};
      ASSERT_EQ(table_gaussian(both, 4, U1(i + 8)).v, expected[i]);
    }
  }
}

struct SixteenElements {
  std::uint32_t words[4][simd::lanes];
  WordBlock block;

  SixteenElements() {
    for (std::uint32_t k = 0; k < 4; ++k) {
      for (std::uint32_t i = 0; i < simd::lanes; ++i) words[k][i] = tests::words_of(7, 3, 5, i, 0)[k];
      block.word[k] = U32::load(words[k]);
    }
  }
  [[nodiscard]] auto gaussians(std::size_t i) const {
    return tests::table_gaussians_of({words[0][i], words[1][i], words[2][i], words[3][i]});
  }
};

TEST(TableGaussian, PicksNumbersLaneByLane) {
  const SixteenElements some;
  const U32 index = simd::lane_index() * U32(5U);
  float early[simd::lanes];
  float late[simd::lanes];
  table_gaussian(some.block, 0, index).store(early);
  table_gaussian(some.block, 4, index).store(late);
  for (std::size_t i = 0; i < simd::lanes; ++i) {
    const auto all = some.gaussians(i);
    EXPECT_EQ(early[i], all[5 * i % 4]);
    EXPECT_EQ(late[i], all[4 + 5 * i % 4]);
  }
}

TEST(TableGaussian, StoresAllOfSixteenElements) {
  const SixteenElements some;
  float gaussians[block_gaussians][simd::lanes];
  std::uint32_t pairs[block_gaussians / 2][simd::lanes];
  store_gaussians(some.block, gaussians[0]);
  store_pairs(some.block, pairs[0]);
  for (std::size_t i = 0; i < simd::lanes; ++i) {
    const auto all = some.gaussians(i);
    for (std::size_t g = 0; g < block_gaussians; ++g) {
      EXPECT_EQ(gaussians[g][i], all[g]);
      const auto integer = static_cast<std::int16_t>(pairs[g / 2][i] >> 16 * (g % 2));
      EXPECT_EQ(static_cast<float>(integer) * gaussian_unit, all[g]);
    }
  }
}

// From any address, the lower half of a lane first.
TEST(TableGaussian, IsLoadedFromHalvesOfLanes) {
  std::uint32_t memory[10] = {};
  for (std::uint32_t i = 0; i < 8; ++i) memory[1 + i] = (1000U * i & 0xFFFFU) | (0U - 999U * i) << 16;
  float values[simd::lanes];
  load_gaussians(memory + 1).store(values);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(values[2 * i], static_cast<float>(i) * 1000.0F / 4096.0F);
    EXPECT_EQ(values[2 * i + 1], static_cast<float>(i) * -999.0F / 4096.0F);
  }
}

}  // namespace
}  // namespace mho::random
