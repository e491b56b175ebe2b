#include "mho/device/pow_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

PowStep model(const tests::Values& changes = {}) {
  Parameters p = tests::device("PowStep", changes);
  (void)p.text("type");
  PowStep result(p);
  p.finish();
  return result;
}

double mean_step(const tests::Nominal& device, double w, bool up) {
  const double upper = static_cast<double>(device.w_max);
  const double lower = static_cast<double>(device.w_min);
  if (up) {
    return static_cast<double>(device.up) *
           std::pow((upper - w) / (upper - lower), static_cast<double>(device.extra[0]));
  }
  return -static_cast<double>(device.down) *
         std::pow((w - lower) / (upper - lower), static_cast<double>(device.extra[1]));
}

TEST(PowStep, FollowsThePowerOfTheDistance) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 0.5F, .w_min = -0.7F, .extra = {1.5F, 0.5F}};
  for (const double w : {-0.69, -0.3, 0.0, 0.2, 0.49}) {
    for (const double xi : {-3.0, 0.0, 0.5}) {
      for (const bool up : {true, false}) {
        const double dw = mean_step(device, w, up) * (1 + 0.3 * xi);
        EXPECT_NEAR(tests::pulse(model(), device, w, up, xi), w + dw, 1e-7 + 1e-5 * std::fabs(dw));
      }
    }
  }
}

// Where the step has no slope any more: the root of a distance that is zero.
TEST(PowStep, StandsStillAtItsBound) {
  for (const float exponent : {0.5F, 1.0F, 1.5F, 3.0F}) {
    const tests::Nominal device{.extra = {exponent, exponent}};
    for (const bool up : {true, false}) {
      const double bound = static_cast<double>(up ? device.w_max : device.w_min);
      EXPECT_NEAR(tests::pulse(model(), device, bound, up, 1), bound, 2e-5) << exponent;
      for (const int n : {1, 2, 20}) {
        bool valid = false;
        const auto moved = tests::aggregate_moments(model(), device, bound, up, n, valid);
        if (valid) {
          EXPECT_NEAR(moved.mean, 0, 2e-5) << exponent << ", " << n << " pulses";
        }
      }
    }
  }
}

TEST(PowStep, DrawsItsExponents) {
  tests::Values changes = tests::no_spread();
  changes["pow_gamma_dtod"] = 0.0;
  changes["pow_up_down_dtod"] = 0.0;
  const auto fixed = tests::make_array(tests::device("PowStep", changes), {4, 16, 1});
  for (const float gamma : tests::plane(*fixed, "gamma_up")) EXPECT_NEAR(gamma, 1.5 * 1.1, 1e-6);
  for (const float gamma : tests::plane(*fixed, "gamma_down")) EXPECT_NEAR(gamma, 1.5 * 0.9, 1e-6);
  changes["pow_gamma_dtod"] = 0.1;
  changes["pow_up_down_dtod"] = 0.05;
  const auto spread = tests::make_array(tests::device("PowStep", changes), {64, 64, 1});
  const auto up = tests::plane(*spread, "gamma_up");
  const auto down = tests::plane(*spread, "gamma_down");
  double sum = 0;
  double square = 0;
  double both = 0;
  for (std::size_t i = 0; i < up.size(); ++i) {
    const double u = static_cast<double>(up[i]) / 1.5 - 1.1;
    const double d = static_cast<double>(down[i]) / 1.5 - 0.9;
    sum += u;
    square += u * u;
    both += u * d;
  }
  // An own spread of each direction, and one that both share with opposite signs.
  const double variance = 0.1 * 0.1 + 0.05 * 0.05;
  const double count = 64 * 64;
  EXPECT_NEAR(sum / count, 0, 5 * std::sqrt(variance / count));
  EXPECT_NEAR(square / count, variance, 5 * variance * std::sqrt(2 / count));
  EXPECT_NEAR(both / count, -0.05 * 0.05, 5 * variance / std::sqrt(count));
}

TEST(PowStep, HasTheGranularityOfItsMeanStepAtZero) {
  const auto pow_step = model({{"up_down", 0.25}, {"w_max", 0.5}, {"w_min", -0.7}});
  const tests::Nominal nominal{
      .up = 0.01F, .down = 0.0075F, .w_max = 0.5F, .w_min = -0.7F, .extra = {1.5F * 1.1F, 1.5F * 0.9F}};
  EXPECT_NEAR(pow_step.granularity(), 0.5 * (mean_step(nominal, 0, true) - mean_step(nominal, 0, false)), 1e-8);
}

struct Case {
  double gamma;
  double step;
  double ctoc;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << "exponent " << c.gamma << ", step " << c.step << ", noise " << c.ctoc;
}

class PowStepSum : public testing::TestWithParam<Case> {};

TEST_P(PowStepSum, IsWithinTheAllowedError) {
  const auto& [gamma, step, ctoc] = GetParam();
  const auto pow_step = model({{"dw_min", step}, {"dw_min_ctoc", ctoc}, {"pow_gamma", gamma}, {"pow_up_down", 0.0}});
  const auto s = static_cast<float>(step);
  const auto exponent = static_cast<float>(gamma);
  const tests::Nominal device{.up = s, .down = s, .extra = {exponent, exponent}};
  int taken = 0;
  for (const double w : {-0.5, 0.0, 0.3}) {
    for (const bool up : {true, false}) {
      for (const int n : {2, 3, 7, 15}) {
        bool valid = false;
        const auto actual = tests::aggregate_moments(pow_step, device, w, up, n, valid);
        if (!valid) continue;
        ++taken;
        SCOPED_TRACE(testing::Message() << "w " << w << (up ? " up " : " down ") << n << " pulses");
        tests::Moments slack;
        const double first = mean_step(device, static_cast<double>(static_cast<float>(w)), up);
        const auto exact = tests::sampled_moments(pow_step, device, first, ctoc, w, up, n, slack);
        tests::expect_close(actual, exact, 2e-7, slack);
      }
    }
  }
  EXPECT_GT(taken, 0);
}

INSTANTIATE_TEST_SUITE_P(Steps, PowStepSum,
                         testing::Values(Case{0.5, 0.002, 0.3}, Case{1, 0.002, 0.3}, Case{2.5, 0.002, 0.3},
                                         Case{1.5, 0.01, 0.3}, Case{1.5, 0.002, 2.0}, Case{1.5, 0.002, 0}));

}  // namespace
}  // namespace mho::device
