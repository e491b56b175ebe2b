#include "mho/device/pulsed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support.h"

namespace mho::device {
namespace {

using tests::Values;

constexpr array::Shape shape{64, 64, 1};
constexpr double count = 64 * 64;

struct Spread {
  double mean, deviation;
};

Spread spread(const std::vector<float>& values) {
  double sum = 0;
  double square = 0;
  for (const float v : values) {
    sum += static_cast<double>(v);
    square += static_cast<double>(v) * static_cast<double>(v);
  }
  const auto n = static_cast<double>(values.size());
  return {sum / n, std::sqrt(square / n - sum * sum / (n * n))};
}

std::vector<float> drawn(const char* name, const Values& changes) {
  return tests::plane(*tests::make_array(tests::device("ConstantStep", changes), shape), name);
}

Values with(Values changes) {
  for (const auto& [name, value] : tests::no_spread()) changes.emplace(name, value);
  return changes;
}

// Five standard errors of mean and deviation of a gaussian.
void expect_spread(const std::vector<float>& values, double mean, double deviation) {
  const Spread s = spread(values);
  EXPECT_NEAR(s.mean, mean, 5 * deviation / std::sqrt(count) + 1e-7);
  EXPECT_NEAR(s.deviation, deviation, 5 * deviation / std::sqrt(2 * count) + 1e-6);
}

TEST(PulsedDevices, HaveTheSpreadsThatTheyAreGiven) {
  expect_spread(drawn("dw_min_up", with({{"dw_min_dtod", 0.1}})), 0.01, 0.001);
  expect_spread(drawn("dw_min_down", with({{"dw_min_dtod", 0.1}})), 0.01, 0.001);
  expect_spread(drawn("dw_min_up", with({{"up_down_dtod", 0.05}})), 0.01, 0.0005);
  expect_spread(drawn("w_max", with({{"w_max_dtod", 0.1}})), 0.6, 0.06);
  expect_spread(drawn("w_min", with({{"w_min_dtod", 0.2}, {"w_min", -0.5}})), -0.5, 0.1);
  for (const char* name : {"dw_min_up", "dw_min_down"}) expect_spread(drawn(name, with({})), 0.01, 0);
}

TEST(PulsedDevices, MayHaveLogNormalSteps) {
  std::vector<float> logs = drawn("dw_min_up", with({{"dw_min_dtod", 0.7}, {"dw_min_log_normal", true}}));
  for (float& v : logs) v = std::log(v / 0.01F);
  expect_spread(logs, 0, 0.7);
}

// The asymmetry takes from one direction and leaves the other.
TEST(PulsedDevices, AreWeakerInOneDirection) {
  expect_spread(drawn("dw_min_up", with({{"up_down", 0.25}})), 0.01, 0);
  expect_spread(drawn("dw_min_down", with({{"up_down", 0.25}})), 0.0075, 0);
  expect_spread(drawn("dw_min_up", with({{"up_down", -0.25}})), 0.0075, 0);
  expect_spread(drawn("dw_min_down", with({{"up_down", -0.25}})), 0.01, 0);
}

TEST(PulsedDevices, TakeTheAsymmetryFromOneDirectionAndGiveItToTheOther) {
  const auto a = tests::make_array(tests::device("ConstantStep", with({{"up_down_dtod", 0.05}})), shape);
  const auto up = tests::plane(*a, "dw_min_up");
  const auto down = tests::plane(*a, "dw_min_down");
  for (std::size_t i = 0; i < up.size(); ++i) EXPECT_NEAR(up[i] + down[i], 0.02, 1e-8);
}

TEST(PulsedDevices, HaveBoundsOnEitherSideOfZero) {
  const Values wide{{"w_max_dtod", 2.0}, {"w_min_dtod", 2.0}, {"dw_min_dtod", 2.0}};
  const auto a = tests::make_array(tests::device("ConstantStep", wide), shape);
  const auto upper = tests::plane(*a, "w_max");
  const auto lower = tests::plane(*a, "w_min");
  const auto up = tests::plane(*a, "dw_min_up");
  const auto down = tests::plane(*a, "dw_min_down");
  for (std::size_t i = 0; i < upper.size(); ++i) {
    ASSERT_GE(upper[i], 0.0F);
    ASSERT_LE(lower[i], 0.0F);
    ASSERT_GE(up[i], 0.0F);
    ASSERT_GE(down[i], 0.0F);
  }
}

TEST(PulsedDevices, AreStuckWithTheirProbability) {
  const double p = 0.2;
  const auto a = tests::make_array(tests::device("SoftBounds", {{"stuck_prob", p}, {"stuck_range", 0.05}}), shape);
  const auto upper = tests::plane(*a, "w_max");
  const auto lower = tests::plane(*a, "w_min");
  const auto up = tests::plane(*a, "dw_min_up");
  const auto down = tests::plane(*a, "dw_min_down");
  const auto weight = tests::plane(*a, "weight");
  double stuck = 0;
  for (std::size_t i = 0; i < upper.size(); ++i) {
    if (up[i] > 0 || down[i] > 0) continue;
    stuck += 1;
    ASSERT_EQ(upper[i], lower[i]);
    ASSERT_EQ(weight[i], upper[i]);
    ASSERT_LE(std::fabs(upper[i]), 0.05F);
  }
  EXPECT_NEAR(stuck, p * count, 5 * std::sqrt(p * (1 - p) * count));
}

TEST(PulsedDevices, DrawTheirParametersIndependently) {
  const auto a = tests::make_array(tests::device("LinearStep"), shape);
  const std::vector<std::string> names{"dw_min_up", "w_max", "w_min"};
  for (const auto& first : names) {
    for (const auto& second : names) {
      if (first >= second) continue;
      const auto x = tests::plane(*a, first);
      const auto y = tests::plane(*a, second);
      const Spread sx = spread(x);
      const Spread sy = spread(y);
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        sum += (static_cast<double>(x[i]) - sx.mean) * (static_cast<double>(y[i]) - sy.mean);
      }
      EXPECT_NEAR(sum / (count * sx.deviation * sy.deviation), 0, 5 / std::sqrt(count)) << first << ", " << second;
    }
  }
}

TEST(PulsedParameters, RefuseWhatMakesNoDevice) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, double>>{{"dw_min", 0.0},
                                                                               {"dw_min", -0.1},
                                                                               {"dw_min_dtod", -0.1},
                                                                               {"dw_min_ctoc", -0.1},
                                                                               {"w_max", -0.1},
                                                                               {"w_min", 0.1},
                                                                               {"up_down", 1.5},
                                                                               {"stuck_prob", 1.5},
                                                                               {"write_noise_std", -1.0},
                                                                               {"granularity", 0.0}}) {
    const std::string message =
        tests::error_of([&] { (void)tests::make_array(tests::device("ConstantStep", {{name, value}}), {2, 2, 1}); });
    tests::expect_contains(message, "device." + name + " must be in [");
  }
}

}  // namespace
}  // namespace mho::device
