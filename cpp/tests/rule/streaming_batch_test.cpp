#include "mho/rule/streaming_batch.h"

#include <gtest/gtest.h>

#include <vector>

#include "support.h"

namespace mho::rule {
namespace {

Parameters streaming_parameters(const tests::Values& changes = {}) {
  return tests::merged("rule",
                       {{"type", "StreamingBatch"},
                        {"method", "power"},
                        {"rank", 3.0},
                        {"block_size", 4.0},
                        {"iterations", 2.0},
                        {"trains_per_component", 1.0}},
                       changes);
}

TEST(StreamingBatch, TakesAStepForEachTrainOfEachPair) {
  const auto x = tests::random_values(20 * 6, 1);
  const auto d = tests::random_values(20 * 5, 2);
  for (const auto& [trains, steps] : {std::pair{1.0, 3U}, {4.0, 12U}}) {
    const auto main = tests::make_array(tests::device("ConstantStep"), {5, 6, 2}, {1, 2});
    Parameters p = streaming_parameters({{"trains_per_component", trains}});
    const auto rule = make_rule(p, *main, tests::update_parameters(), 1);
    rule->update({x.data(), 20, 6, false}, {d.data(), 20, 5, false}, 0.1, 1);
    EXPECT_EQ(main->steps().update, steps);
    EXPECT_GT(tests::pulses_of(*main).up, 0U);
  }
}

TEST(StreamingBatch, TakesAsManyTrainsAsThePulsesNeed) {
  tests::Values exact = tests::no_spread();
  exact["w_max"] = 100.0;
  exact["w_min"] = -100.0;
  const auto main = tests::make_array(tests::device("ConstantStep", exact), {1, 1, 1});
  Parameters p = streaming_parameters({{"trains_per_component", 0.0}, {"rank", 1.0}});
  const auto rule = make_rule(p, *main, tests::update_parameters({{"bl", 10.0}}), 1);
  const float one = 1.0F;
  const double pulse = main->crosspoints().granularity();
  rule->update({&one, 1, 1, false}, {&one, 1, 1, false}, 95 * pulse, 1);
  EXPECT_EQ(main->steps().update, 10U);
  rule->update({&one, 1, 1, false}, {&one, 1, 1, false}, 9.5 * pulse, 1);
  EXPECT_EQ(main->steps().update, 11U);
}

TEST(StreamingBatch, RefusesWhatInstancesCannotShare) {
  const auto main = tests::make_array(tests::device("ConstantStep"), {5, 6, 2}, {1, 2});
  Parameters p = streaming_parameters({{"trains_per_component", 0.0}});
  tests::expect_contains(tests::error_of([&] { make_rule(p, *main, tests::update_parameters(), 1); }),
                         "trains_per_component");
}

}  // namespace
}  // namespace mho::rule
