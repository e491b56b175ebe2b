#include "mho/device/linear_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

LinearStep model(const tests::Values& changes = {}) {
  Parameters p = tests::device("LinearStep", changes);
  (void)p.text("type");
  LinearStep result(p);
  p.finish();
  return result;
}

TEST(LinearStep, MovesByAStepThatIsLinearInTheWeight) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .extra = {-0.004F, -0.003F}};
  for (const double w : {-0.4, 0.0, 0.3}) {
    for (const double xi : {-3.0, 0.0, 0.5}) {
      const double up = 0.012 - 0.004 * w;
      const double down = -0.008 - 0.003 * w;
      EXPECT_NEAR(tests::pulse(model(), device, w, true, xi), w + up * (1 + 0.3 * xi), 1e-7);
      EXPECT_NEAR(tests::pulse(model(), device, w, false, xi), w + down * (1 + 0.3 * xi), 1e-7);
      const auto additive = model({{"mult_noise", false}});
      EXPECT_NEAR(tests::pulse(additive, device, w, true, xi), w + up + 0.012 * 0.3 * xi, 1e-7);
      EXPECT_NEAR(tests::pulse(additive, device, w, false, xi), w + down - 0.008 * 0.3 * xi, 1e-7);
    }
  }
}

// dw+ = s+ (1 - gamma+ w / w_max), dw- = -s- (1 - gamma- w / w_min), against mean bounds or the device's own.
TEST(LinearStep, DrawsItsSlopes) {
  for (const bool mean_reference : {true, false}) {
    tests::Values changes = tests::no_spread();
    changes["w_max_dtod"] = 0.3;
    changes["w_min_dtod"] = 0.3;
    changes["gamma_up"] = 0.2;
    changes["gamma_down"] = 0.3;
    changes["gamma_up_dtod"] = 0.0;
    changes["gamma_down_dtod"] = 0.0;
    changes["mean_bound_reference"] = mean_reference;
    const auto a = tests::make_array(tests::device("LinearStep", changes), {8, 40, 1});
    const auto slope_up = tests::plane(*a, "slope_up");
    const auto slope_down = tests::plane(*a, "slope_down");
    const auto upper = tests::plane(*a, "w_max");
    const auto lower = tests::plane(*a, "w_min");
    for (std::size_t i = 0; i < slope_up.size(); ++i) {
      const double w_max = mean_reference ? 0.6 : static_cast<double>(upper[i]);
      const double w_min = mean_reference ? -0.6 : static_cast<double>(lower[i]);
      EXPECT_NEAR(slope_up[i], -0.01 * 0.2 / w_max, 1e-6);
      EXPECT_NEAR(slope_down[i], 0.01 * 0.3 / w_min, 1e-6);
    }
  }
}

// dw+ = s+ (1 - gamma+ w / (w_min - offset)), dw- = -s- (1 - gamma- w / (w_max + offset)).
TEST(LinearStep, RefersReversedSlopesToTheOtherBound) {
  for (const bool mean_reference : {true, false}) {
    tests::Values changes = tests::no_spread();
    changes.insert({{"gamma_up_dtod", 0.0}, {"gamma_down_dtod", 0.0}});
    changes["w_max_dtod"] = 0.3;
    changes["w_min_dtod"] = 0.3;
    changes["w_max"] = 0.8;
    changes["reverse_offset"] = 0.05;
    changes["mean_bound_reference"] = mean_reference;
    for (const bool up : {true, false}) {
      changes["reverse_up"] = up;
      changes["reverse_down"] = !up;
      const auto a = tests::make_array(tests::device("LinearStep", changes), {8, 40, 1});
      const auto slope_up = tests::plane(*a, "slope_up");
      const auto slope_down = tests::plane(*a, "slope_down");
      const auto upper = tests::plane(*a, "w_max");
      const auto lower = tests::plane(*a, "w_min");
      for (std::size_t i = 0; i < slope_up.size(); ++i) {
        const double w_max = mean_reference ? 0.8 : static_cast<double>(upper[i]);
        const double w_min = mean_reference ? -0.6 : static_cast<double>(lower[i]);
        EXPECT_NEAR(slope_up[i], -0.01 * 0.2 / (up ? w_min - 0.05 : w_max), 1e-6);
        EXPECT_NEAR(slope_down[i], 0.01 * 0.3 / (up ? w_min : w_max + 0.05), 1e-6);
      }
    }
  }
}

TEST(LinearStep, LetsStepsGrowOnlyWhereAllowed) {
  for (const bool allowed : {false, true}) {
    const auto a = tests::make_array(
        tests::device("LinearStep", {{"gamma_up", 0.0}, {"gamma_up_dtod", 0.5}, {"allow_increasing", allowed}}),
        {16, 64, 1});
    int growing = 0;
    for (const float slope : tests::plane(*a, "slope_up")) growing += slope > 0 ? 1 : 0;
    // Half of them, where the sign is left as it was drawn: binomial with standard deviation 16.
    EXPECT_NEAR(growing, allowed ? 512 : 0, allowed ? 80 : 0);
  }
}

struct Case {
  double step;
  double gamma;
  double ctoc;
  bool multiplicative;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << "step " << c.step << ", gamma " << c.gamma << ", noise " << c.ctoc
       << (c.multiplicative ? " of the step" : "");
}

class LinearStepSum : public testing::TestWithParam<Case> {};

TEST_P(LinearStepSum, IsWithinTheAllowedError) {
  const auto [step, gamma, ctoc, multiplicative] = GetParam();
  const auto linear = model({{"dw_min", step}, {"dw_min_ctoc", ctoc}, {"mult_noise", multiplicative}});
  const auto s_up = static_cast<float>(step);
  const auto slope = static_cast<float>(-gamma * step / 0.6);
  const tests::Nominal device{.up = s_up, .down = s_up, .extra = {slope, slope}};
  int taken = 0;
  for (const double w : {-0.5, -0.3, 0.0, 0.2, 0.5}) {
    for (const bool up : {true, false}) {
      for (const int n : {2, 3, 5, 7, 10, 15}) {
        bool valid = false;
        const auto actual = tests::aggregate_moments(linear, device, w, up, n, valid);
        if (!valid) continue;
        ++taken;
        SCOPED_TRACE(testing::Message() << "w " << w << (up ? " up " : " down ") << n << " pulses");
        const double s = up ? static_cast<double>(s_up) : -static_cast<double>(s_up);
        const double u = -static_cast<double>(slope);
        const double f = s - u * static_cast<double>(static_cast<float>(w));
        tests::expect_close(actual, tests::linear_moments(f, u, s, ctoc, n, multiplicative), 1e-7);
      }
    }
  }
  if (step <= 0.002 && ctoc <= 0.3) {
    EXPECT_GE(taken, 40);
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, LinearStepSum,
                         testing::Values(Case{0.002, 0, 0.3, true}, Case{0.002, 0.5, 0.3, true},
                                         Case{0.002, 0.5, 0.3, false}, Case{0.002, -0.5, 0.3, true},
                                         Case{0.002, -0.5, 0.3, false}, Case{0.02, 0.5, 0.3, true},
                                         Case{0.02, -0.5, 1.0, true}, Case{0.02, 0.5, 0, false},
                                         Case{0.0003, 0.4, 2.0, true}, Case{0.05, 1.5, 0.3, false}));

}  // namespace
}  // namespace mho::device
