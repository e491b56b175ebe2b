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
  const std::uint32_t ends[] = {0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFC, 0xFFFFFFFE, 0xFFFFFFFF};
  for (const std::uint32_t radius : ends) {
    for (const std::uint32_t angle : ends) {
      F32 first;
      F32 second;
      box_muller(U32(radius), U32(angle), first, second);
      float values[2][simd::lanes];
      first.store(values[0]);
      second.store(values[1]);
      const auto expected = tests::gaussians_of({radius, angle, 0, 0});
      for (std::size_t k = 0; k < 2; ++k) {
        EXPECT_TRUE(std::isfinite(values[k][0])) << radius << ", " << angle;
        EXPECT_LT(std::fabs(values[k][0]), 6.7F) << radius << ", " << angle;
        // Radii near 0 come from a uniform that is rounded to a float next to 1.
        EXPECT_NEAR(values[k][0], expected[k], 1e-5) << radius << ", " << angle;
      }
    }
  }
}

TEST(BoxMuller, HasTailsBeyondSixSigma) {
  F32 first;
  F32 second;
  box_muller(U32(0U), U32(0x80000000U), first, second);  // the smallest uniform, along one axis
  float values[2][simd::lanes];
  first.store(values[0]);
  second.store(values[1]);
  EXPECT_GT(std::fmax(std::fabs(values[0][0]), std::fabs(values[1][0])), 6.0F);
}

TEST(Gaussians, AreThoseOfBoxAndMuller) {
  constexpr std::uint64_t key = 0xFEDCBA9876543210ULL;
  const auto purpose = static_cast<std::uint16_t>(Purpose::pulse_noise);
  for (std::uint32_t draw = 0; draw < 500; ++draw) {
    const GaussianBlock block = Stream(Key::from(key), purpose, draw).gaussians(16 * draw, draw);
    for (std::uint32_t lane = 0; lane < simd::lanes; ++lane) {
      const auto expected = tests::gaussians_of(tests::words_of(key, purpose, draw, 16 * draw + lane, draw));
      for (std::size_t k = 0; k < 4; ++k) {
        float values[simd::lanes];
        block.value[k].store(values);
        ASSERT_NEAR(values[lane], expected[k], 2e-6 * std::fmax(1.0, std::fabs(expected[k])));
      }
    }
  }
}

// Standard errors of the first four moments of n gaussians: sqrt(1, 2, 15, 96) / sqrt(n).
TEST(Gaussians, HaveTheMomentsOfTheNormalDistribution) {
  double moments[4] = {};
  double products = 0;  // of neighbours: the two of one pair of words, the pairs of one draw
  std::size_t n = 0;
  const Stream stream(Key::from(5), Purpose::pulse_noise, 9);
  for (std::uint32_t draw = 0; draw < 4096; ++draw) {
    const GaussianBlock block = stream.gaussians(32, draw);
    float values[4][simd::lanes];
    for (std::size_t k = 0; k < 4; ++k) block.value[k].store(values[k]);
    for (std::size_t k = 0; k < 4; ++k) {
      for (std::size_t lane = 0; lane < simd::lanes; ++lane) {
        const double x = values[k][lane];
        moments[0] += x;
        moments[1] += x * x;
        moments[2] += x * x * x;
        moments[3] += x * x * x * x;
        products += x * static_cast<double>(values[(k + 1) % 4][lane]);
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
