#include "mho/rule/mixed_precision.h"

#include <gtest/gtest.h>

#include <vector>

#include "support.h"

namespace mho::rule {
namespace {

Parameters parameters(const tests::Values& changes = {}) {
  return tests::merged(
      "rule",
      {{"type", "MixedPrecision"},
       {"optimizer", "sgd"},
       {"momentum", 0.9},
       {"beta1", 0.9},
       {"beta2", 0.999},
       {"epsilon", 1e-8},
       {"batch_size", 2.0},
       {"transfer_every", 1.0},
       {"rows_per_transfer", 0.0},
       {"transfer_lr", 1.0},
       {"x_bins", 0.0},
       {"d_bins", 0.0},
       {"stochastic_rounding", true},
       {"transfer_update", std::vector<Parameters>{tests::update({{"bl", 64.0}, {"pulse_type", "mean_count"}})}}},
      changes);
}

// Pulses are exactly the whole steps of the residual, which keeps the rest.
TEST(MixedPrecision, ProgramsWholeSteps) {
  tests::Values exact = tests::no_spread();
  exact["w_max"] = 10.0;
  exact["w_min"] = -10.0;
  const auto main = tests::make_array(tests::device("ConstantStep", exact), {3, 4, 1});
  Parameters p = parameters();
  const auto rule = make_rule(p, *main, tests::update_parameters(), 1);
  const std::vector<float> x{1.0F, -0.5F, 0.25F, 0.0F};
  const std::vector<float> d{1.0F, -2.0F, 0.1F};
  const auto update = [&] { rule->update({x.data(), 1, 4, false}, {d.data(), 1, 3, false}, 0.1, 1); };
  update();
  EXPECT_EQ(main->steps().update, 0U) << "half a batch";
  update();
  EXPECT_EQ(main->steps().update, 3U);
  const auto weight = tests::plane(*main, "weight");
  const float* residual = rule->buffers()[1]->of(0);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      const double wanted = -0.2 * static_cast<double>(d[i]) * static_cast<double>(x[j]);
      EXPECT_NEAR(weight[i * 4 + j], 0.01 * std::trunc(wanted / 0.01 * 1.00001), 1e-5);
      EXPECT_NEAR(weight[i * 4 + j] + residual[i * 4 + j], wanted, 1e-6);
    }
  }
}

TEST(MixedPrecision, KnowsItsOptimizers) {
  const auto main = tests::make_array(tests::device("ConstantStep"), {3, 4, 1});
  const auto make = [&](const tests::Values& changes) {
    Parameters p = parameters(changes);
    return make_rule(p, *main, tests::update_parameters(), 1);
  };
  EXPECT_EQ(make({})->buffers().size(), 2U);
  EXPECT_EQ(make({{"optimizer", "momentum"}})->buffers().size(), 3U);
  EXPECT_EQ(make({{"optimizer", "adam"}})->buffers().size(), 4U);
  tests::expect_contains(tests::error_of([&] { (void)make({{"optimizer", "adagrad"}}); }), "adam, momentum, sgd");
}

}  // namespace
}  // namespace mho::rule
