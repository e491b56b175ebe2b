#include "mho/pulse/update_parameters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "support.h"

namespace mho::pulse {
namespace {

using tests::update_parameters;

constexpr double granularity = 0.001;

// E[n] = bl p q = lr |x d| / granularity, as long as no probability is clipped.
double expected_pulses(const PulsePlan& plan, double x, double d) {
  const double p = std::fmin(static_cast<double>(plan.x_gain) * x, 1);
  const double q = std::fmin(static_cast<double>(plan.d_gain) * d, 1);
  return plan.bl * p * q;
}

TEST(PulsePlan, MeansTheLearningRate) {
  const std::vector<tests::Values> settings{
      {},
      {{"update_bl_management", false}},
      {{"update_bl_management", false}, {"update_management", false}},
      {{"update_bl_management", false}, {"update_management", false}, {"fixed_bl", false}, {"bl", 7.0}},
      {{"um_grad_scale", 1.2}},
      {{"bl", 64.0}},
  };
  for (const auto& changes : settings) {
    const UpdateParameters parameters = update_parameters(changes);
    for (const double lr : {0.001, 0.01, 0.02}) {
      const PulsePlan plan = plan_pulses(parameters, 0.9, 0.5, lr, granularity);
      for (const double x : {0.9, 0.3, 0.01}) {
        for (const double d : {0.5, 0.2}) {
          const double expected = lr * x * d / granularity;
          EXPECT_NEAR(expected_pulses(plan, x, d), expected, 1e-5 * expected) << lr << ", " << x << ", " << d;
        }
      }
    }
  }
}

TEST(PulsePlan, TakesAsManySlotsAsTheLargestProductNeeds) {
  const UpdateParameters parameters = update_parameters({{"bl", 31.0}});
  for (const auto& [lr, slots] : std::vector<std::pair<double, int>>{
           {1e-9, 1}, {1e-3, 1}, {1.001e-3, 2}, {5.5e-3, 6}, {30.5e-3, 31}, {1.0, 31}}) {
    const PulsePlan plan = plan_pulses(parameters, 1, 1, lr, granularity);
    EXPECT_EQ(plan.bl, slots) << lr;
    // Both lines with the largest value have the same probability.
    EXPECT_NEAR(plan.x_gain, std::sqrt(std::fmin(lr / (granularity * plan.bl), 1.0)), 1e-6) << lr;
  }
}

// Beyond the longest train d is clipped and x is not.
TEST(PulsePlan, ClipsTheErrorOnly) {
  const UpdateParameters parameters = update_parameters();
  const double lr = 1.0;
  const PulsePlan plan = plan_pulses(parameters, 0.5, 2.0, lr, granularity);
  EXPECT_EQ(plan.bl, 31);
  EXPECT_LE(static_cast<double>(plan.x_gain) * 0.5, 1 + 1e-6);
  EXPECT_GT(static_cast<double>(plan.d_gain) * 2.0, 1);
  // Small errors keep their mean.
  const double expected = lr * 0.5 * 0.01 / granularity;
  EXPECT_NEAR(expected_pulses(plan, 0.5, 0.01), expected, 1e-4 * expected);
}

TEST(PulsePlan, BalancesTheLines) {
  const UpdateParameters parameters = update_parameters({{"update_bl_management", false}});
  const PulsePlan plan = plan_pulses(parameters, 1.0, 0.01, 0.01, granularity);
  EXPECT_EQ(plan.bl, 31);
  EXPECT_NEAR(static_cast<double>(plan.x_gain) * 1.0, static_cast<double>(plan.d_gain) * 0.01, 1e-6);
  const UpdateParameters plain = update_parameters({{"update_bl_management", false}, {"update_management", false}});
  const PulsePlan equal = plan_pulses(plain, 1.0, 0.01, 0.01, granularity);
  EXPECT_EQ(equal.x_gain, equal.d_gain);
  EXPECT_NEAR(equal.x_gain, std::sqrt(0.01 / (granularity * 31)), 1e-6);
}

TEST(PulsePlan, LetsTheLengthGrowWhereItIsNotFixed) {
  const UpdateParameters parameters = update_parameters(
      {{"fixed_bl", false}, {"update_management", false}, {"update_bl_management", false}, {"bl", 10.0}});
  EXPECT_EQ(plan_pulses(parameters, 1, 1, 0.0095, granularity).bl, 10);
  const PulsePlan longer = plan_pulses(parameters, 1, 1, 0.0305, granularity);
  EXPECT_EQ(longer.bl, 31);
  EXPECT_EQ(longer.x_gain, 1.0F);
  EXPECT_EQ(plan_pulses(parameters, 1, 1, 0.0635, granularity).bl, 64);
  const std::string message = tests::error_of([&] { (void)plan_pulses(parameters, 1, 1, 0.0655, granularity); });
  tests::expect_contains(message, "Update.fixed_bl");
  tests::expect_contains(message, "64");
}

TEST(PulsePlan, DoesNothingForNothing) {
  for (const auto& changes : std::vector<tests::Values>{{}, {{"update_bl_management", false}}}) {
    const UpdateParameters parameters = update_parameters(changes);
    EXPECT_EQ(plan_pulses(parameters, 0, 1, 0.01, granularity).bl, 0);
    EXPECT_EQ(plan_pulses(parameters, 1, 0, 0.01, granularity).bl, 0);
    EXPECT_EQ(plan_pulses(parameters, 1, 1, 0, granularity).bl, 0);
  }
}

TEST(UpdateParameters, RefuseWhatIsOutOfRange) {
  const std::vector<std::pair<std::string, double>> bad{{"bl", 0.0},
                                                        {"bl", 65.0},
                                                        {"res", -0.1},
                                                        {"res", 1.5},
                                                        {"x_res_implicit", 2.0},
                                                        {"d_res_implicit", -1.0},
                                                        {"um_grad_scale", 0.0}};
  for (const auto& [name, value] : bad) {
    tests::expect_contains(tests::error_of([&] { (void)update_parameters({{name, value}}); }),
                           "update." + name + " must be in [");
  }
  tests::expect_contains(tests::error_of([] { (void)update_parameters({{"pulse_type", "none"}}); }),
                         "deterministic_implicit, mean_count, stochastic, got none");
  tests::expect_contains(tests::error_of([] { (void)update_parameters({{"length", 3.0}}); }),
                         "update has no parameter length");
}

}  // namespace
}  // namespace mho::pulse
