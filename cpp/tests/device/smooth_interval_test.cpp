#include "mho/device/smooth_interval.h"

#include <gtest/gtest.h>

#include "mho/simd/single.h"

namespace mho::device {
namespace {

// Steps that are fine below 0.7 of the coordinate, if they are no larger than 0.02 of the range.
TEST(SmoothInterval, IsWhereStepsAreFineForDevicesOfThatSize) {
  const SmoothInterval interval([](double at, double share) { return at <= 0.7 && share <= 0.02; }, 0.01);
  EXPECT_NEAR(interval.width(), 0.7, 0.01);
  for (const float share : {0.001F, 0.0099F, 0.0101F, 0.0175F, 0.0199F}) {
    const auto part = interval.of(simd::F1(share));
    EXPECT_EQ(part.low.v, 0) << share;
    EXPECT_NEAR(part.high.v, 0.7, 0.01) << share;
  }
  for (const float share : {0.0205F, 0.04F, 0.3F, 5.0F, 0.0F}) {
    const auto part = interval.of(simd::F1(share));
    EXPECT_GT(part.low.v, part.high.v) << share;
  }
}

// Pulses in as large numbers as leave half of the mean device's weights.
TEST(SmoothIntervals, TakeAsManyPulsesAsMostWeightsAllow) {
  const auto intervals = [](double wide_up_to) {
    return SmoothIntervals([=](bool, std::uint32_t n) {
      return SmoothInterval([=](double at, double) { return n <= wide_up_to || at <= 0.4; }, 0.01);
    });
  };
  EXPECT_EQ(intervals(15).most, 15U);
  EXPECT_EQ(intervals(10).most, 7U);
  EXPECT_EQ(intervals(1).most, few_pulses_at_once);
}

}  // namespace
}  // namespace mho::device
