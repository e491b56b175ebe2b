#include "mho/device/pow_step_reference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

PowStepReference model(const tests::Values& changes = {}) {
  Parameters p = tests::device("PowStepReference", changes);
  (void)p.text("type");
  PowStepReference result(p);
  p.finish();
  return result;
}

TEST(PowStepReference, FollowsThePowerOfTheDistanceOfTheConductance) {
  constexpr double reference = 0.15;
  const tests::Nominal device{.up = 0.012F,
                              .down = 0.008F,
                              .w_max = static_cast<float>(0.5 - reference),
                              .w_min = static_cast<float>(-0.7 - reference),
                              .extra = {1.5F, 0.5F, static_cast<float>(reference)}};
  for (const double w : {-0.84, -0.3, 0.0, 0.2, 0.34}) {
    for (const double xi : {-3.0, 0.0, 0.5}) {
      const double v = w + reference;
      const double up = 0.012 * std::pow((0.5 - v) / 1.2, 1.5);
      const double down = -0.008 * std::pow((v + 0.7) / 1.2, 0.5);
      EXPECT_NEAR(tests::pulse(model(), device, w, true, xi), w + up * (1 + 0.3 * xi), 2e-7);
      EXPECT_NEAR(tests::pulse(model(), device, w, false, xi), w + down * (1 + 0.3 * xi), 2e-7);
    }
  }
}

TEST(PowStepReference, SubtractsTheSymmetryPointOfEachDevice) {
  for (const double gamma : {0.5, 1.0, 2.5}) {
    const tests::Values changes{
        {"reference_mean", 0.0}, {"reference_std", 0.0}, {"up_down", 0.2}, {"pow_gamma", gamma}, {"stuck_prob", 0.2}};
    const auto a = tests::make_array(tests::device("PowStepReference", changes), {16, 64, 1});
    const auto up = tests::plane(*a, "dw_min_up"), down = tests::plane(*a, "dw_min_down");
    const auto upper = tests::plane(*a, "w_max"), lower = tests::plane(*a, "w_min");
    const auto gamma_up = tests::plane(*a, "gamma_up"), gamma_down = tests::plane(*a, "gamma_down");
    const auto references = tests::plane(*a, "reference");
    std::size_t stuck = 0;
    for (std::size_t i = 0; i < up.size(); ++i) {
      if (upper[i] == lower[i]) {
        ++stuck;
        EXPECT_EQ(references[i], 0.0F);
        continue;
      }
      const double b_max = static_cast<double>(upper[i]);
      const double b_min = static_cast<double>(lower[i]);
      const double range = b_max - b_min;
      ASSERT_GT(b_max, 0);
      ASSERT_LT(b_min, 0);
      const double step_up = static_cast<double>(up[i]) * std::pow(b_max / range, static_cast<double>(gamma_up[i]));
      const double step_down =
          static_cast<double>(down[i]) * std::pow(-b_min / range, static_cast<double>(gamma_down[i]));
      // The bisection stops at 6e-8 of the range, where steps are steep near a bound.
      const double share = std::fmin(b_max, -b_min) / range;
      if (share > 0.02) {
        EXPECT_NEAR(step_up, step_down, 2e-6 * std::fmax(step_up, step_down) / share + 1e-9);
      }
    }
    EXPECT_GT(stuck, 100U);
  }
}

TEST(PowStepReference, DrawsReferences) {
  tests::Values changes = tests::no_spread();
  changes.insert({{"pow_gamma_dtod", 0.0}, {"pow_up_down", 0.0}, {"pow_up_down_dtod", 0.0}, {"pow_gamma", 1.0}});
  changes["up_down"] = 0.19;
  const auto a = tests::make_array(tests::device("PowStepReference", changes), {64, 64, 1});
  // s+ (b_max - v) = s- (v - b_min), and a mean of 0.1 on top of that.
  const double point = (1 * 0.6 - 0.81 * 0.6) / (1 + 0.81);
  double sum = 0;
  double square = 0;
  for (const float r : tests::plane(*a, "reference")) {
    const double off = static_cast<double>(r) - point - 0.1;
    sum += off;
    square += off * off;
  }
  EXPECT_NEAR(sum / 4096, 0, 5 * 0.05 / 64);
  EXPECT_NEAR(square / 4096, 0.0025, 5 * 0.0025 * std::sqrt(2.0) / 64);
}

TEST(PowStepReference, HasTheGranularityOfItsMeanStepAtZero) {
  for (const bool subtract : {false, true}) {
    const auto pow_step = model({{"up_down", 0.19},
                                 {"pow_gamma", 1.0},
                                 {"pow_up_down", 0.0},
                                 {"subtract_symmetry_point", subtract},
                                 {"w_max", 0.5},
                                 {"w_min", -0.7}});
    const double v = 0.1 + (subtract ? (0.5 - 0.81 * 0.7) / 1.81 : 0.0);
    const double expected = 0.5 * (0.01 * (0.5 - v) / 1.2 + 0.0081 * (v + 0.7) / 1.2);
    EXPECT_NEAR(pow_step.granularity(), expected, 1e-12);
  }
}

}  // namespace
}  // namespace mho::device
