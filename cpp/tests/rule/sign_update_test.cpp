#include "mho/rule/sign_update.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support.h"

namespace mho::rule {
namespace {

TEST(SignUpdate, FiresOnePulseAgainstTheSignOfTheSum) {
  tests::Values exact = tests::no_spread();
  exact["w_max"] = 10.0;
  exact["w_min"] = -10.0;
  const std::vector<float> x{1.0F, -0.5F, 0.25F, 1.0F, 0.5F, -0.25F};
  const std::vector<float> d{1.0F, -2.0F, 0.5F, 2.0F};
  const double sums[6] = {1.5, -0.25, 0.125, 0, 2, -1};
  for (const double threshold : {0.0, 0.5, 1.0}) {
    const auto main = tests::make_array(tests::device("ConstantStep", exact), {2, 3, 1});
    Parameters p =
        tests::merged("rule",
                      {{"type", "SignUpdate"},
                       {"threshold", threshold},
                       {"write_update", std::vector<Parameters>{tests::update({{"bl", 1.0},
                                                                               {"pulse_type", "mean_count"},
                                                                               {"update_management", false},
                                                                               {"update_bl_management", false}})}}},
                      {});
    const auto rule = make_rule(p, *main, tests::update_parameters(), 1);
    rule->update({x.data(), 2, 3, false}, {d.data(), 2, 2, false}, 0.3, 1);
    const double pulse = main->crosspoints().granularity();
    const auto weight = tests::plane(*main, "weight");
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(rule->buffers()[0]->of(0)[i], static_cast<float>(sums[i]));
      const double sign = sums[i] == 0 || std::fabs(sums[i]) < threshold * 2 ? 0 : sums[i] > 0 ? -1 : 1;
      EXPECT_NEAR(weight[i], sign * pulse, 1e-6) << i << ", threshold " << threshold;
    }
    EXPECT_EQ(main->steps().update, 2U) << "a step for each row";
  }
}

}  // namespace
}  // namespace mho::rule
