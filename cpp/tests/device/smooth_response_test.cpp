#include "mho/device/smooth_response.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "device/response.h"

namespace mho::device {
namespace {

// Steps s - u w with noise on the whole step: a smooth response whose sums are known in closed form.
struct Linear {
  float s, u, noise;
  template <class Planes> [[nodiscard]] auto load(const Planes& planes) const { return load_pulsed(planes); }
  [[nodiscard]] std::uint32_t most_at_once() const { return most_pulses_at_once; }
  [[nodiscard]] bool limits_behind() const { return true; }
  [[nodiscard]] AggregationRange<simd::Wide> range(const PulsedLanes<simd::Wide>&, AtOnce) const {
    const F32 all(unlimited);
    const F32 none(-unlimited);
    return {all, none, none, all};
  }
  [[nodiscard]] F32 pulses(const PulsedLanes<simd::Wide>&, F32 w, Mask, U32 n, F32 xi) const {
    const Response<F32> response{simd::fnma(F32(u), w, F32(s)), F32(-u), F32(0.0F)};
    return SmoothPulses(static_cast<double>(noise))(response, w, n, xi);
  }
};

TEST(SmoothPulses, AreWithinTheAllowedError) {
  int taken = 0;
  for (const float s : {0.001F, 0.01F, -0.01F}) {
    for (const float u : {0.0F, 0.002F, 0.02F, -0.02F}) {
      for (const float noise : {0.0F, 0.3F, 2.0F}) {
        for (const int n : {1, 2, 5, 15}) {
          const Linear model{s, u, noise};
          bool valid = false;
          const auto actual = tests::aggregate_moments(model, {}, 0.1, true, n, valid);
          const double f = static_cast<double>(s) - static_cast<double>(u) * static_cast<double>(0.1F);
          if (n > 1 && !aggregation_is_fine({f, -static_cast<double>(u), 0}, static_cast<std::uint32_t>(n),
                                            static_cast<double>(noise))) {
            continue;
          }
          ASSERT_TRUE(valid);
          ++taken;
          SCOPED_TRACE(testing::Message() << "step " << s << ", slope " << -u << ", noise " << noise << ", n " << n);
          tests::expect_close(
              actual, tests::linear_moments(f, static_cast<double>(u), 0, static_cast<double>(noise), n, true), 1e-7);
        }
      }
    }
  }
  EXPECT_GT(taken, 80);
}

TEST(SmoothPulses, AreNotTakenTogetherWhereThatIsTooCoarse) {
  EXPECT_TRUE(aggregation_is_fine({0.001, -0.001, 0}, 10, 0.3));
  EXPECT_FALSE(aggregation_is_fine({0.001, -0.1, 0}, 10, 0.3)) << "steep";
  EXPECT_FALSE(aggregation_is_fine({0.1, -0.001, 1}, 2, 0.3)) << "bent";
  EXPECT_FALSE(aggregation_is_fine({0.001, -0.01, 0}, 10, 6)) << "noisy";
}

// Steps that are fine below 0.7 of the coordinate, if they are no larger than 0.02 of the range.
TEST(SmoothInterval, IsWhereStepsAreFineForDevicesOfThatSize) {
  const auto response = [](double at, double share) {
    return Response<double>{share, at <= 0.7 && share <= 0.02 ? 0.0 : 1.0, 0};
  };
  const SmoothInterval interval(response, 0.01, 7, 0.3);
  EXPECT_NEAR(interval.width(), 0.7, 0.01);
  for (const float range : {1.0F, 3.0F}) {
    for (const float share : {0.001F, 0.0099F, 0.0101F, 0.0175F, 0.0199F}) {
      const auto part = interval.of(simd::F1(share * range), simd::F1(range));
      EXPECT_EQ(part.low.v, 0) << share;
      EXPECT_NEAR(part.high.v, 0.7, 0.01) << share;
      EXPECT_NEAR(part.largest_below.v, 1, 1e-6);
      EXPECT_NEAR(part.largest_above.v, 1, 1e-6);
    }
    for (const float share : {0.0205F, 0.04F, 0.3F, 5.0F, 0.0F}) {
      const auto part = interval.of(simd::F1(share * range), simd::F1(range));
      EXPECT_GT(part.low.v, part.high.v) << share;
    }
  }
}

}  // namespace
}  // namespace mho::device
