#include "mho/simd/math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace mho::simd {
namespace {

// The largest error in units in the last place of the result, and where it is.
struct Worst {
  double ulp = 0;
  float at = 0;
  void see(float x, float value, double exact) {
    const auto rounded = static_cast<float>(std::fabs(exact));
    const double unit = std::fmax(
        static_cast<double>(std::nextafter(rounded, std::numeric_limits<float>::infinity()) - rounded), 0x1p-149);
    const double error = std::fabs(static_cast<double>(value) - exact) / unit;
    if (!(error <= ulp)) {
      ulp = error;
      at = x;
    }
  }
};

// Calls body(x) for registers of floats whose bit patterns go from `first` to `last` in equal strides.
template <class Body> void for_patterns(std::uint32_t first, std::uint32_t last, std::uint32_t stride, Body&& body) {
  for (std::uint64_t pattern = first; pattern <= last; pattern += static_cast<std::uint64_t>(stride) * lanes) {
    float x[lanes];
    for (std::size_t i = 0; i < lanes; ++i) {
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(std::min<std::uint64_t>(pattern + i * stride, last)));
    }
    body(x);
  }
}

TEST(Math, NegativeLogIsAccurateForAllNormalNumbers) {
  double worst = 0;
  float at = 0;
  const auto check = [&](const float* x) {
    float y[lanes];
    negative_log(F32::load(x)).store(y);
    for (std::size_t i = 0; i < lanes; ++i) {
      if (x[i] == 1.0F) continue;
      const double exact = -std::log(static_cast<double>(x[i]));
      const double error = std::fabs((static_cast<double>(y[i]) - exact) / exact);
      if (!(error <= worst)) {
        worst = error;
        at = x[i];
      }
    }
  };
  for_patterns(0x00800000U, 0x7F7FFFFFU, 2039, check);
  for_patterns(std::bit_cast<std::uint32_t>(0x1p-33F), std::bit_cast<std::uint32_t>(1.0F), 61, check);
  for_patterns(std::bit_cast<std::uint32_t>(0.9999F), std::bit_cast<std::uint32_t>(1.0F), 1, check);
  EXPECT_LT(worst, 4e-7) << "at " << at;
}

TEST(Math, NegativeLogIsPositiveBelowOne) {
  const auto check = [](const float* x) {
    float y[lanes];
    negative_log(F32::load(x)).store(y);
    for (const float value : y) ASSERT_GT(value, 0.0F);
  };
  for_patterns(std::bit_cast<std::uint32_t>(0.999F), std::bit_cast<std::uint32_t>(1.0F) - 1, 1, check);
}

// What a gaussian's radius needs, on the uniforms that it is made of.
TEST(Math, NegativeLogBelowOneIsAccurateUpToTheEnds) {
  double worst = 0;
  for (std::uint32_t k = 0; k < 0x100000U; k += lanes) {
    float x[lanes];
    float y[lanes];
    for (std::uint32_t i = 0; i < lanes; ++i) x[i] = (static_cast<float>(k + i) + 0.5F) * 0x1p-20F;
    negative_log_below_one(F32::load(x)).store(y);
    for (std::size_t i = 0; i < lanes; ++i) {
      const double exact = -std::log(static_cast<double>(x[i]));
      worst = std::fmax(worst, std::fabs((static_cast<double>(y[i]) - exact) / exact));
      ASSERT_EQ(y[i], negative_log_below_one(F1(x[i])).v);  // one lane has the bits of sixteen
    }
  }
  EXPECT_LT(worst, 1.5e-6);
}

TEST(Math, PowersOfTwoAreAccurate) {
  double worst = 0;
  for (int k = -126 * 1024; k <= 126 * 1024; k += lanes) {
    float x[lanes];
    float y[lanes];
    for (int i = 0; i < lanes; ++i) x[i] = std::fmin(static_cast<float>(k + i) / 1024.0F, 126.0F);
    exp2(F32::load(x)).store(y);
    for (int i = 0; i < lanes; ++i) {
      const double exact = std::exp2(static_cast<double>(x[i]));
      worst = std::fmax(worst, std::fabs(static_cast<double>(y[i]) / exact - 1));
      ASSERT_EQ(y[i], exp2(F1(x[i])).v);  // one lane has the bits of sixteen
    }
  }
  EXPECT_LT(worst, 3e-7);
}

TEST(Math, ExpIsAccurateInsideOfItsRange) {
  Worst worst;
  const auto check = [&](const float* x) {
    for (const float sign : {1.0F, -1.0F}) {
      float y[lanes];
      const F32 signed_x = F32::load(x) * F32(sign);
      exp(signed_x).store(y);
      for (std::size_t i = 0; i < lanes; ++i) worst.see(sign * x[i], y[i], std::exp(static_cast<double>(sign * x[i])));
    }
  };
  for_patterns(0, std::bit_cast<std::uint32_t>(1e-3F), 20011, check);
  for_patterns(std::bit_cast<std::uint32_t>(1e-3F), std::bit_cast<std::uint32_t>(87.0F), 211, check);
  EXPECT_LT(worst.ulp, 2.0) << "at " << worst.at;
}

TEST(Math, ExpSaturates) {
  for (const float x : {-1e30F, -200.0F, -88.0F, 89.0F, 200.0F, 1e30F}) {
    float y[lanes];
    exp(F32(x)).store(y);
    EXPECT_TRUE(std::isfinite(y[0])) << x;
    if (x < 0) {
      EXPECT_LT(y[0], 1e-37F) << x;
      EXPECT_GE(y[0], 0.0F) << x;
    } else {
      EXPECT_GT(y[0], 1e38F) << x;
    }
  }
}

// Calls check(x, y) for the values y of a function at arguments of either sign, in lanes and by itself.
template <class Function, class Check> void for_values(Function&& function, Check&& check) {
  const auto body = [&](const float* x) {
    for (const float sign : {1.0F, -1.0F}) {
      float y[lanes];
      function(F32::load(x) * F32(sign)).store(y);
      for (std::size_t i = 0; i < lanes; ++i) {
        ASSERT_EQ(y[i], function(F1(sign * x[i])).v);
        check(sign * x[i], y[i]);
      }
    }
  };
  for_patterns(0, std::bit_cast<std::uint32_t>(1e-3F), 20011, body);
  for_patterns(std::bit_cast<std::uint32_t>(1e-3F), std::bit_cast<std::uint32_t>(87.0F), 311, body);
}

TEST(Math, LogisticIsAccurateInsideOfItsRange) {
  Worst worst;
  for_values([](auto x) { return logistic(x); },
             [&](float x, float y) { worst.see(x, y, 1 / (1 + std::exp(-static_cast<double>(x)))); });
  EXPECT_LT(worst.ulp, 4.0) << "at " << worst.at;
}

TEST(Math, TanhIsAccurateEverywhere) {
  Worst worst;
  for_values([](auto x) { return tanh(x); },
             [&](float x, float y) { worst.see(x, std::fabs(y), std::tanh(static_cast<double>(std::fabs(x)))); });
  EXPECT_LT(worst.ulp, 3.0) << "at " << worst.at;
}

TEST(Math, LogisticAndTanhKeepTheirEndsAndNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {100.0F, 1e30F, infinity}) {
    EXPECT_EQ(logistic(F1(x)).v, 1.0F);
    EXPECT_LT(logistic(F1(-x)).v, 1e-37F);
    EXPECT_EQ(tanh(F1(x)).v, 1.0F);
    EXPECT_EQ(tanh(F1(-x)).v, -1.0F);
  }
  float y[lanes];
  logistic(F32(std::numeric_limits<float>::quiet_NaN())).store(y);
  EXPECT_TRUE(std::isnan(y[3]));
  tanh(F32(std::numeric_limits<float>::quiet_NaN())).store(y);
  EXPECT_TRUE(std::isnan(y[3]));
}

TEST(Math, SineAndCosineAreAccurateInTheirQuarter) {
  double sines = 0;  // the largest errors
  double cosines = 0;
  const auto check = [&](const float* x) {
    for (const float sign : {1.0F, -1.0F}) {
      F32 s;
      F32 c;
      sin_cos_quarter(F32::load(x) * F32(sign), s, c);
      float sine[lanes];
      float cosine[lanes];
      s.store(sine);
      c.store(cosine);
      for (std::size_t i = 0; i < lanes; ++i) {
        const double angle = static_cast<double>(sign * x[i]);
        sines = std::fmax(sines, std::fabs(static_cast<double>(sine[i]) - std::sin(angle)));
        cosines = std::fmax(cosines, std::fabs(static_cast<double>(cosine[i]) - std::cos(angle)));
      }
    }
  };
  const auto end = std::bit_cast<std::uint32_t>(static_cast<float>(std::numbers::pi / 4));
  for_patterns(0x00800000U, std::bit_cast<std::uint32_t>(1e-4F), 20011, check);
  for_patterns(std::bit_cast<std::uint32_t>(1e-4F), end, 211, check);
  EXPECT_LT(sines, 1.2e-7);
  EXPECT_LT(cosines, 1.5e-7);
}

}  // namespace
}  // namespace mho::simd
