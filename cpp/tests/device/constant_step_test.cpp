#include "mho/device/constant_step.h"

#include <gtest/gtest.h>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

ConstantStep model(const tests::Values& changes = {}) {
  Parameters p = tests::device("ConstantStep", changes);
  (void)p.text("type");
  ConstantStep result(p);
  p.finish();
  return result;
}

TEST(ConstantStep, MovesByItsOwnStep) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F};
  for (const double w : {-0.4, 0.0, 0.3}) {
    for (const double xi : {-3.0, 0.0, 0.5}) {
      EXPECT_NEAR(tests::pulse(model(), device, w, true, xi), w + 0.012 * (1 + 0.3 * xi), 1e-7);
      EXPECT_NEAR(tests::pulse(model(), device, w, false, xi), w - 0.008 * (1 + 0.3 * xi), 1e-7);
    }
  }
}

TEST(ConstantStep, TakesSeveralPulsesAtOnceExactly) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 2.0F, .w_min = -2.0F};
  for (const bool up : {true, false}) {
    for (const int n : {1, 2, 7, 15}) {
      bool valid = false;
      const auto actual = tests::aggregate_moments(model({{"dw_min", 0.001}}), device, 0.1, up, n, valid);
      EXPECT_TRUE(valid) << n;
      const double s = up ? 0.012 : -0.008;
      tests::expect_close(actual, {n * s, n * 0.09 * s * s, 0}, 1e-7);
      EXPECT_NEAR(actual.mean, n * s, 1e-6);
    }
  }
}

TEST(ConstantStep, PulsesOneAtATimeNearABound) {
  bool valid = true;
  const tests::Nominal device{};
  (void)tests::aggregate_moments(model(), device, 0.58, true, 2, valid);
  EXPECT_FALSE(valid);
  (void)tests::aggregate_moments(model(), device, -0.58, false, 2, valid);
  EXPECT_FALSE(valid);
  // A single pulse is a single pulse everywhere.
  (void)tests::aggregate_moments(model(), device, 0.6, true, 1, valid);
  EXPECT_TRUE(valid);
}

TEST(ConstantStep, HasTheGranularityOfItsMeanStep) {
  EXPECT_DOUBLE_EQ(model().granularity(), 0.01);
  EXPECT_DOUBLE_EQ(model({{"up_down", 0.4}}).granularity(), 0.008);
  EXPECT_DOUBLE_EQ(model({{"up_down", -0.4}}).granularity(), 0.008);
}

}  // namespace
}  // namespace mho::device
