#include "mho/device/hidden_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

HiddenStep model(const tests::Values& changes = {}) {
  Parameters p = tests::device("HiddenStep", changes);
  (void)p.text("type");
  HiddenStep result(p);
  p.finish();
  return result;
}

// Weights after each of some pulses, from weight 0 and an empty counter.
std::vector<double> weights_after(const HiddenStep& hidden, const tests::Nominal& device, const std::vector<bool>& ups,
                                  float xi = 0.0F) {
  auto lanes = tests::lanes_of(hidden, device);
  F32 w(0.0F);
  std::vector<double> weights;
  for (const bool up : ups) {
    w = hidden.step(lanes, w, tests::direction(up))(U32(1U))(F32(xi));
    weights.push_back(static_cast<double>(tests::first_lane(w)));
  }
  return weights;
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-7) << i;
}

TEST(HiddenStep, MovesTheWeightWhereItsCounterIsFull) {
  const auto three = model({{"hidden_states", 3.0}});
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .extra = {1.0F, 1.0F, 0.0F}};
  expect_near(weights_after(three, device, {true, true, true, true, true, true}), {0, 0, 0.036, 0.036, 0.036, 0.072});
  expect_near(weights_after(three, device, {false, false, false, false}), {0, 0, -0.024, -0.024});
  // Pulses the other way empty it again.
  expect_near(weights_after(three, device, {true, true, false, true, true, false, false, false, false}),
              {0, 0, 0, 0, 0.036, 0.036, 0.036, 0.012, 0.012});
  // The noise is that of the step.
  expect_near(weights_after(three, device, {true, true, true}, 0.5F), {0, 0, 0.036 * 1.15});
}

TEST(HiddenStep, CountsAsItsDeviceDoes) {
  const auto three = model({{"hidden_states", 3.0}});
  // 1.6 + 1.6 is full; 0.8 down takes four pulses.
  const tests::Nominal device{.up = 0.01F, .down = 0.01F, .extra = {1.6F, 0.8F, 0.0F}};
  expect_near(weights_after(three, device, {true, true, true, true}), {0, 0.03, 0.03, 0.06});
  expect_near(weights_after(three, device, {false, false, false, false, false}), {0, 0, 0, -0.03, -0.03});
}

TEST(HiddenStep, KeepsItsCounterWithoutPulses) {
  const auto two = model();
  auto lanes = tests::lanes_of(two, tests::Nominal{.extra = {1.0F, 1.0F, 1.0F}});
  const F32 w = two.step(lanes, F32(0.1F), tests::direction(true))(U32(0U))(F32(2.0F));
  EXPECT_EQ(tests::first_lane(w), 0.1F);
  EXPECT_EQ(tests::first_lane(two.state(lanes)), 1.0F);
}

TEST(HiddenStep, HasTheGranularityOfAWholeNumberOfPulses) {
  EXPECT_NEAR(model({{"hidden_up_down", 0.0}, {"hidden_states", 7.0}}).granularity(), 0.01, 1e-15);
  // 7 / 0.6 is full after 12 pulses.
  EXPECT_NEAR(model({{"hidden_up_down", 0.4}, {"hidden_states", 7.0}}).granularity(), 0.005 * (1 + 7.0 / 12), 1e-15);
  EXPECT_NEAR(model({{"hidden_up_down", -0.4}, {"hidden_states", 7.0}}).granularity(), 0.005 * (1 + 7.0 / 12), 1e-15);
}

TEST(HiddenStep, DrawsWhatItCountsBy) {
  const auto a = tests::make_array(tests::device("HiddenStep", {{"hidden_dtod", 0.1}}), {64, 64, 1});
  const auto up = tests::plane(*a, "hidden_up"), down = tests::plane(*a, "hidden_down");
  double sums[4] = {};
  for (std::size_t i = 0; i < up.size(); ++i) {
    const double u = static_cast<double>(up[i]) - 1;
    const double d = static_cast<double>(down[i]) - 0.9;
    sums[0] += u;
    sums[1] += d;
    sums[2] += u * u;
    sums[3] += u * d;
  }
  const double variance = 0.1 * 0.1 + 0.05 * 0.05;
  EXPECT_NEAR(sums[0] / 4096, 0, 5 * std::sqrt(variance) / 64);
  EXPECT_NEAR(sums[1] / 4096, 0, 5 * std::sqrt(variance) / 64);
  EXPECT_NEAR(sums[2] / 4096, variance, 5 * variance * std::sqrt(2.0) / 64);
  // The gain is common to both directions, the asymmetry opposite.
  EXPECT_NEAR(sums[3] / 4096, 0.1 * 0.1 - 0.05 * 0.05, 5 * variance * std::sqrt(2.0) / 64);
  for (const float count : tests::plane(*a, "hidden_count")) EXPECT_EQ(count, 0.0F);
}

TEST(HiddenStep, BeginsAnewWhereTheWeightIsSet) {
  const array::Shape shape{4, 16, 1};
  const auto a = tests::make_array(tests::device("HiddenStep", {{"hidden_states", 100.0}}), shape);
  const auto x = tests::random_values(5 * 16, 1), d = tests::random_values(5 * 4, 2);
  a->pulse({x.data(), 5, 16, false}, {d.data(), 5, 4, false}, 0.1, tests::update_parameters(), 1);
  std::size_t counting = 0;
  for (const float count : tests::plane(*a, "hidden_count")) counting += count != 0 ? 1 : 0;
  EXPECT_GT(counting, 32U);
  const std::vector<float> w(64, 0.1F);
  (void)a->crosspoints().set_weight(w.data(), false);
  for (const float count : tests::plane(*a, "hidden_count")) EXPECT_EQ(count, 0.0F);
}

}  // namespace
}  // namespace mho::device
