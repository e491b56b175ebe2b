#include "mho/rule/sgd.h"

#include <gtest/gtest.h>

#include "support.h"

namespace mho::rule {
namespace {

TEST(SGD, PulsesTheMainArray) {
  const auto by_rule = tests::make_array(tests::device("SoftBounds"), {5, 17, 1});
  const auto by_hand = tests::make_array(tests::device("SoftBounds"), {5, 17, 1});
  const auto update = tests::update_parameters({{"bl", 10.0}});
  Parameters parameters("rule", {{"type", "SGD"}});
  const auto rule = make_rule(parameters, *by_rule, update, 1);
  const auto x = tests::random_values(3 * 17, 71);
  const auto d = tests::random_values(3 * 5, 72);
  rule->update({x.data(), 3, 17, false}, {d.data(), 3, 5, false}, 0.1, 1);
  by_hand->pulse({x.data(), 3, 17, false}, {d.data(), 3, 5, false}, 0.1, update, 1);
  EXPECT_TRUE(tests::state_of(*by_rule) == tests::state_of(*by_hand));
  EXPECT_GT(tests::pulses_of(*by_rule).up, 0U);
}

TEST(Rules, AreNamed) {
  const auto a = tests::make_array(tests::device("Ideal"), {1, 1, 1});
  const auto make = [&](const tests::Values& values) {
    Parameters parameters("rule", values);
    (void)make_rule(parameters, *a, tests::update_parameters(), 1);
  };
  EXPECT_EQ(tests::error_of([&] { make({{"type", "Adam"}}); }),
            "rule.type must be one of SGD, TikiTaka, TikiTaka2, ChoppedTikiTaka2, AGAD, ResidualLearning, "
            "MixedPrecision, RIDER, ERIDER, StreamingBatch, SignUpdate, Hosted, got Adam");
  EXPECT_EQ(tests::error_of([&] { make({}); }), "rule.type is missing");
  EXPECT_EQ(tests::error_of([&] { make({{"type", "SGD"}, {"momentum", 0.9}}); }), "rule has no parameter momentum");
}

}  // namespace
}  // namespace mho::rule
