#include "mho/device/soft_bounds.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

SoftBounds model(const tests::Values& changes = {}) {
  Parameters p = tests::device("SoftBounds", changes);
  (void)p.text("type");
  SoftBounds result(p);
  p.finish();
  return result;
}

TEST(SoftBounds, ShrinksItsStepTowardsTheBounds) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 0.5F, .w_min = -0.7F};
  for (const double w : {-0.7, -0.2, 0.0, 0.3, 0.5}) {
    for (const double xi : {-3.0, 0.0, 0.5}) {
      const double up = 0.012 * (1 - w / 0.5);
      const double down = -0.008 * (1 - w / -0.7);
      EXPECT_NEAR(tests::pulse(model(), device, w, true, xi), w + up * (1 + 0.3 * xi), 1e-7);
      EXPECT_NEAR(tests::pulse(model(), device, w, false, xi), w + down * (1 + 0.3 * xi), 1e-7);
      const auto additive = model({{"mult_noise", false}});
      EXPECT_NEAR(tests::pulse(additive, device, w, true, xi), w + up + 0.012 * 0.3 * xi, 1e-7);
      EXPECT_NEAR(tests::pulse(additive, device, w, false, xi), w + down - 0.008 * 0.3 * xi, 1e-7);
    }
  }
}

// The symmetry point: where up and down steps have the same size.
TEST(SoftBounds, IsSymmetricAtItsSymmetryPoint) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 0.5F, .w_min = -0.7F};
  const double point = (0.012 - 0.008) / (0.012 / 0.5 + 0.008 / 0.7);
  const double up = tests::pulse(model(), device, point, true, 0) - point;
  const double down = tests::pulse(model(), device, point, false, 0) - point;
  EXPECT_NEAR(up, -down, 1e-7);
}

TEST(SoftBounds, DoesNotMoveWithoutRoom) {
  // Padding and stuck devices: no step, both bounds at one place.
  for (const float at : {0.0F, 0.05F, -0.05F}) {
    const tests::Nominal device{.up = 0, .down = 0, .w_max = at, .w_min = at};
    EXPECT_EQ(tests::pulse(model(), device, at, true, 2.0), static_cast<double>(at));
    EXPECT_EQ(tests::pulse(model(), device, at, false, 2.0), static_cast<double>(at));
  }
}

struct Case {
  double dw_min;
  double ctoc;
  bool multiplicative;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << "step " << c.dw_min << ", noise " << c.ctoc << (c.multiplicative ? " of the step" : "");
}

class SoftBoundsSum : public testing::TestWithParam<Case> {};

// Several pulses in one step: mean, variance and skewness against their exact values.
TEST_P(SoftBoundsSum, IsWithinTheAllowedError) {
  const auto [dw_min, ctoc, multiplicative] = GetParam();
  const auto soft = model({{"dw_min", dw_min}, {"dw_min_ctoc", ctoc}, {"mult_noise", multiplicative}});
  const auto step = static_cast<float>(dw_min);
  const tests::Nominal device{.up = step, .down = step * 0.8F};
  int taken = 0;
  for (const double w : {-0.55, -0.3, 0.0, 0.2, 0.5}) {
    for (const bool up : {true, false}) {
      for (const int n : {2, 3, 5, 7, 10, 15}) {
        bool valid = false;
        const auto actual = tests::aggregate_moments(soft, device, w, up, n, valid);
        if (!valid) continue;
        ++taken;
        SCOPED_TRACE(testing::Message() << "w " << w << (up ? " up " : " down ") << n << " pulses");
        const double s = up ? static_cast<double>(device.up) : -static_cast<double>(device.down);
        const double u = std::fabs(s) / 0.6;
        const double f = s - u * static_cast<double>(static_cast<float>(w));
        tests::expect_close(actual, tests::linear_moments(f, u, s, ctoc, n, multiplicative), 1e-7);
      }
    }
  }
  EXPECT_TRUE(taken > 0 || dw_min >= 0.05);
  // Fine devices are taken in one step nearly everywhere.
  if (dw_min <= 0.002 && ctoc <= 0.3) {
    EXPECT_GE(taken, 40);
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, SoftBoundsSum,
                         testing::Values(Case{0.0005, 0, true}, Case{0.002, 0.3, true}, Case{0.002, 0.3, false},
                                         Case{0.01, 0, true}, Case{0.01, 0.3, true}, Case{0.01, 0.3, false},
                                         Case{0.002, 3.75, true}, Case{0.002, 3.75, false}, Case{0.05, 0.3, true},
                                         Case{0.05, 0.3, false}, Case{0.1, 1.0, true}, Case{0.1, 0, false}));

// The steepest slopes at which 15, 7 and 3 pulses are taken at once.
INSTANTIATE_TEST_SUITE_P(SteepestSlopes, SoftBoundsSum,
                         testing::Values(Case{0.0071, 0.1, true}, Case{0.0153, 0.1, true}, Case{0.0299, 0.1, true},
                                         Case{0.0099, 3.75, false}, Case{0.0213, 1.0, false},
                                         Case{0.0359, 0.3, false}));

}  // namespace
}  // namespace mho::device
