#include "mho/random/stream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "support.h"

namespace mho::random {
namespace {

constexpr std::uint64_t largest_step = (std::uint64_t{1} << 48) - 1;

const std::uint16_t purposes[] = {
    static_cast<std::uint16_t>(Purpose::device_construction),
    static_cast<std::uint16_t>(Purpose::stuck_construction),
    static_cast<std::uint16_t>(Purpose::train_x),
    static_cast<std::uint16_t>(Purpose::train_d),
    static_cast<std::uint16_t>(Purpose::train_rounding_x),
    static_cast<std::uint16_t>(Purpose::train_rounding_d),
    static_cast<std::uint16_t>(Purpose::pulse_noise),
    static_cast<std::uint16_t>(Purpose::write_noise),
    purpose_of(Purpose::line_construction, ReadStream::backward),
    purpose_of(Purpose::input_rounding, ReadStream::forward),
    purpose_of(Purpose::input_noise, ReadStream::backward),
    purpose_of(Purpose::read_noise, ReadStream::evaluation_forward),
    purpose_of(Purpose::output_noise, ReadStream::evaluation_backward),
    0,
    0x7F00,
    0xFFFF,
};

void expect_words(std::uint64_t key, std::uint16_t purpose, std::uint64_t step, std::uint32_t element,
                  std::uint32_t draw) {
  const WordBlock block = Stream(Key::from(key), purpose, step).words(element, draw);
  std::uint32_t words[4][simd::lanes];
  for (std::size_t k = 0; k < 4; ++k) block.word[k].store(words[k]);
  for (std::uint32_t lane = 0; lane < simd::lanes; ++lane) {
    const Words expected = tests::words_of(key, purpose, step, element + lane, draw);
    for (std::size_t k = 0; k < 4; ++k) {
      ASSERT_EQ(words[k][lane], expected[k]) << "purpose " << purpose << ", step " << step << ", element " << element
                                             << ", draw " << draw << ", lane " << lane << ", word " << k;
    }
  }
}

TEST(Stream, GivesEachLanePhiloxOfItsOwnCounter) {
  std::mt19937_64 generator(1);
  for (const std::uint16_t purpose : purposes) {
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t step = generator() >> (16 + i % 48);
      const auto element = static_cast<std::uint32_t>(generator() >> (32 + i % 32));
      const auto draw = static_cast<std::uint32_t>(generator() >> (32 + i % 32));
      expect_words(generator(), purpose, step, element, draw);
    }
  }
}

TEST(Stream, GivesPhiloxAtTheEndsOfEachCounter) {
  for (const std::uint16_t purpose : purposes) {
    for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{0xFFFFFFFF}, std::uint64_t{1} << 32,
                                     (std::uint64_t{1} << 32) + 1, largest_step}) {
      for (const std::uint32_t element : {0U, 16U, 0x7FFFFFF0U, 0xFFFFFFF0U}) {
        for (const std::uint32_t draw : {0U, 1U, 0xFFFFFFFFU}) {
          expect_words(0, purpose, step, element, draw);
          expect_words(~std::uint64_t{0}, purpose, step, element, draw);
        }
      }
    }
  }
}

TEST(Stream, GivesLanesDrawsOfTheirOwn) {
  const Stream stream(Key::from(77), Purpose::pulse_noise, 5);
  const U32 draws = simd::lane_index() & U32(3U);
  const U32 elements = simd::lane_index() * U32(1000U);
  const WordBlock block = stream.words_of_draws(draws, elements);
  for (std::size_t k = 0; k < 4; ++k) {
    std::uint32_t words[simd::lanes];
    block.word[k].store(words);
    for (std::uint32_t i = 0; i < simd::lanes; ++i) {
      EXPECT_EQ(words[i], stream.words_of_one(1000 * i, i % 4)[k]);
      EXPECT_EQ(words[i], stream.words_of_draws(simd::U1(i % 4), simd::U1(1000 * i)).word[k].v);
    }
  }
}

TEST(Stream, PicksNumbersLaneByLane) {
  const WordBlock block = Stream(Key::from(77), Purpose::pulse_noise, 5).words(16, 0);
  const GaussianBlock all = to_gaussians(block);
  const U32 index = simd::lane_index() * U32(5U);
  for (const std::size_t first : {0UL, 4UL}) {
    float picked[simd::lanes];
    to_gaussian(block, first, index).store(picked);
    for (std::size_t i = 0; i < simd::lanes; ++i) {
      float expected[simd::lanes];
      all.value[first + 5 * i % 4].store(expected);
      EXPECT_EQ(picked[i], expected[i]);
    }
  }
  std::uint32_t picked[simd::lanes];
  word_of(block, index).store(picked);
  for (std::size_t i = 0; i < simd::lanes; ++i) {
    std::uint32_t expected[simd::lanes];
    block.word[5 * i % 4].store(expected);
    EXPECT_EQ(picked[i], expected[i]);
  }
}

TEST(Stream, KeepsPurposesApart) {
  std::set<std::uint16_t> numbers;
  std::size_t expected = 0;
  for (const Purpose purpose : {Purpose::device_construction, Purpose::stuck_construction, Purpose::train_x,
                                Purpose::train_d, Purpose::train_rounding_x, Purpose::train_rounding_d,
                                Purpose::pulse_noise, Purpose::write_noise, Purpose::read_asymmetry_construction}) {
    numbers.insert(static_cast<std::uint16_t>(purpose));
    ++expected;
  }
  for (const Purpose purpose : {Purpose::line_construction, Purpose::input_rounding, Purpose::input_noise,
                                Purpose::read_noise, Purpose::output_noise, Purpose::output_rounding}) {
    for (const ReadStream stream :
         {ReadStream::forward, ReadStream::backward, ReadStream::evaluation_forward, ReadStream::evaluation_backward}) {
      numbers.insert(purpose_of(purpose, stream));
      ++expected;
    }
  }
  EXPECT_EQ(numbers.size(), expected);
}

TEST(OpenUniform, StaysInsideOfTheInterval) {
  const std::uint32_t words[simd::lanes] = {0,          1,          2,          3,          0x7FFFFFFF, 0x80000000,
                                            0x80000001, 0xFFFFFF00, 0xFFFFFF7F, 0xFFFFFF80, 0xFFFFFFBF, 0xFFFFFFC0,
                                            0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF, 0x12345678};
  float u[simd::lanes];
  open_uniform(U32::load(words)).store(u);
  for (std::size_t i = 0; i < simd::lanes; ++i) {
    EXPECT_GT(u[i], 0.0F) << words[i];
    EXPECT_LT(u[i], 1.0F) << words[i];
    EXPECT_NEAR(u[i], (static_cast<double>(words[i]) + 0.5) * 0x1p-32, 0x1p-24) << words[i];
    EXPECT_TRUE(std::isfinite(std::log(u[i])));
  }
}

TEST(BoxMuller, IsFiniteForEveryExtremeWord) {
  for (const std::uint32_t radius : {0U, 1U, 2U, 0x7FFFFU, 0x80000U, 0xFFFFEU, 0xFFFFFU}) {
    for (const std::uint32_t direction : {0U, 1U, 0x1FFU, 0x200U, 0x3FFU, 0x400U, 0x7FFU, 0x800U, 0xFFFU}) {
      const std::uint32_t word = direction << 20 | radius;
      F32 first;
      F32 second;
      box_muller(U32(word), first, second);
      float values[2][simd::lanes];
      first.store(values[0]);
      second.store(values[1]);
      const auto expected = tests::gaussians_of({word, 0, 0, 0});
      simd::F1 single[2];
      box_muller(simd::U1(word), single[0], single[1]);
      for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_TRUE(std::isfinite(values[k][0])) << word;
        EXPECT_LE(std::fabs(values[k][0]), largest_gaussian) << word;
        EXPECT_NEAR(values[k][0], expected[k], 1e-5) << word;
        EXPECT_EQ(values[k][0], single[k].v) << word;  // one lane has the bits of sixteen
      }
    }
  }
}

// The smallest uniform along the direction next to an axis.
TEST(BoxMuller, HasTailsBeyondFiveSigma) {
  F32 first;
  F32 second;
  box_muller(U32(0U), first, second);
  float values[2][simd::lanes];
  first.store(values[0]);
  second.store(values[1]);
  EXPECT_GT(std::fmax(std::fabs(values[0][0]), std::fabs(values[1][0])), 5.38F);
}

// Every radius, and every direction: so the moments are those of the method itself, without a sampling error.
TEST(BoxMuller, HasTheMomentsOfTheNormalDistributionOverAllWords) {
  double radius[3] = {};  // mean of the powers 2, 4, 6 of the radius
  for (std::uint32_t k = 0; k < 0x100000U; k += simd::lanes) {
    F32 first;
    F32 second;
    box_muller(simd::lane_index() + U32(k), first, second);
    float a[simd::lanes];
    float b[simd::lanes];
    first.store(a);
    second.store(b);
    for (std::size_t i = 0; i < simd::lanes; ++i) {
      const double square =
          static_cast<double>(a[i]) * static_cast<double>(a[i]) + static_cast<double>(b[i]) * static_cast<double>(b[i]);
      radius[0] += square;
      radius[1] += square * square;
      radius[2] += square * square * square;
    }
  }
  // Of an exponential distribution with mean 2: 2, 8, 48.
  EXPECT_NEAR(radius[0] / 0x1p20, 2, 2e-5);
  EXPECT_NEAR(radius[1] / 0x1p20, 8, 5e-4);
  EXPECT_NEAR(radius[2] / 0x1p20, 48, 2e-2);
  double direction[5] = {};  // means of a, a b, a^2, a^4, a^2 b^2 on the unit circle
  for (std::uint32_t k = 0; k < 0x1000U; ++k) {
    simd::F1 first;
    simd::F1 second;
    box_muller(simd::U1(k << 20 | 0x9B459U), first, second);  // a radius of 1 but for 1e-6
    const auto a = static_cast<double>(first.v);
    const auto b = static_cast<double>(second.v);
    direction[0] += a;
    direction[1] += a * b;
    direction[2] += a * a;
    direction[3] += a * a * a * a;
    direction[4] += a * a * b * b;
  }
  EXPECT_NEAR(direction[0] / 0x1000, 0, 1e-7);
  EXPECT_NEAR(direction[1] / 0x1000, 0, 1e-7);
  EXPECT_NEAR(direction[2] / 0x1000, 1.0 / 2, 1e-5);
  EXPECT_NEAR(direction[3] / 0x1000, 3.0 / 8, 1e-5);
  EXPECT_NEAR(direction[4] / 0x1000, 1.0 / 8, 1e-5);
}

TEST(Gaussians, AreThoseOfBoxAndMuller) {
  constexpr std::uint64_t key = 0xFEDCBA9876543210ULL;
  const auto purpose = static_cast<std::uint16_t>(Purpose::pulse_noise);
  for (std::uint32_t draw = 0; draw < 500; ++draw) {
    const GaussianBlock block = Stream(Key::from(key), purpose, draw).gaussians(16 * draw, draw);
    for (std::uint32_t lane = 0; lane < simd::lanes; ++lane) {
      const auto expected = tests::gaussians_of(tests::words_of(key, purpose, draw, 16 * draw + lane, draw));
      for (std::size_t k = 0; k < block_gaussians; ++k) {
        float values[simd::lanes];
        block.value[k].store(values);
        ASSERT_NEAR(values[lane], expected[k], 5e-6 * std::fmax(1.0, std::fabs(expected[k])));
      }
    }
  }
}

// Standard errors of the first four moments of n gaussians: sqrt(1, 2, 15, 96) / sqrt(n).
TEST(Gaussians, HaveTheMomentsOfTheNormalDistribution) {
  double moments[4] = {};
  double products = 0;  // of neighbours: the two of one word, the pairs of one draw
  std::size_t n = 0;
  const Stream stream(Key::from(5), Purpose::pulse_noise, 9);
  for (std::uint32_t draw = 0; draw < 4096; ++draw) {
    const GaussianBlock block = stream.gaussians(32, draw);
    float values[block_gaussians][simd::lanes];
    for (std::size_t k = 0; k < block_gaussians; ++k) block.value[k].store(values[k]);
    for (std::size_t k = 0; k < block_gaussians; ++k) {
      for (std::size_t lane = 0; lane < simd::lanes; ++lane) {
        const double x = values[k][lane];
        moments[0] += x;
        moments[1] += x * x;
        moments[2] += x * x * x;
        moments[3] += x * x * x * x;
        products += x * static_cast<double>(values[(k + 1) % block_gaussians][lane]);
        ++n;
      }
    }
  }
  const auto count = static_cast<double>(n);
  const double root = std::sqrt(count);
  EXPECT_NEAR(moments[0] / count, 0, 5 / root);
  EXPECT_NEAR(moments[1] / count, 1, 5 * std::sqrt(2.0) / root);
  EXPECT_NEAR(moments[2] / count, 0, 5 * std::sqrt(15.0) / root);
  EXPECT_NEAR(moments[3] / count, 3, 5 * std::sqrt(96.0) / root);
  EXPECT_NEAR(products / count, 0, 5 / root);
}

}  // namespace
}  // namespace mho::random
