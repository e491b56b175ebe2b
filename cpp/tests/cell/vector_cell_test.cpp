#include "mho/cell/vector_cell.h"

#include <gtest/gtest.h>

#include "cell/cells.h"

namespace mho::cell {
namespace {

using namespace tests;

std::vector<float> moved(const std::string& policy, double index, bool up, std::size_t updates) {
  const auto a = make_array(vector_cell({flat(0.5), flat(0.25)}, {1, -2}, policy, index), {1, 1, 1});
  for (std::size_t i = 0; i < updates; ++i) pulse_all(*a, up, a->crosspoints().granularity());
  return {plane(*a, "device0/weight")[0], plane(*a, "device1/weight")[0], plane(*a, "weight")[0]};
}

TEST(VectorCell, GivesPulsesToThoseThatThePolicyChooses) {
  EXPECT_EQ(moved("all", 0, true, 1), (std::vector<float>{0.5F, -0.25F, 1.0F}));
  EXPECT_EQ(moved("all", 0, false, 1), (std::vector<float>{-0.5F, 0.25F, -1.0F}));
  EXPECT_EQ(moved("fixed", 0, true, 3), (std::vector<float>{1.5F, 0.0F, 1.5F}));
  EXPECT_EQ(moved("fixed", 1, true, 3), (std::vector<float>{0.0F, -0.75F, 1.5F}));
  EXPECT_EQ(moved("sequential", 0, true, 3), (std::vector<float>{1.0F, -0.25F, 1.5F}));
  const auto random = moved("random", 0, true, 40);
  EXPECT_GT(random[0], 2.0F);
  EXPECT_LT(random[1], -1.0F);
  EXPECT_EQ(random[0] / 0.5F - random[1] / 0.25F, 40.0F);
}

TEST(VectorCell, HasTheGranularityOfWhatMoves) {
  const auto granularity = [](const std::string& policy, double index) {
    return make_array(vector_cell({flat(0.5), flat(0.25)}, {1, -2}, policy, index), {1, 1, 1})
        ->crosspoints()
        .granularity();
  };
  EXPECT_DOUBLE_EQ(granularity("all", 0), 1.0);
  EXPECT_DOUBLE_EQ(granularity("fixed", 1), 0.5);
  EXPECT_DOUBLE_EQ(granularity("sequential", 0), 0.5);
  EXPECT_DOUBLE_EQ(granularity("random", 0), 0.5);
}

TEST(VectorCell, DividesAWeightAndTellsWhatIsMissing) {
  const auto a =
      make_array(vector_cell({flat(0.1, {{"w_max", 0.25}}), flat(0.1, {{"w_max", 1.0}})}, {1, 1}), {1, 3, 1});
  const float w[] = {0.25F, 1.0F, 2.0F};
  EXPECT_EQ(a->crosspoints().set_weight(w, false), 1U);
  EXPECT_EQ(plane(*a, "weight"), (std::vector<float>{0.25F, 1.0F, 1.25F}));
  EXPECT_EQ(plane(*a, "device0/weight"), (std::vector<float>{0.125F, 0.25F, 0.25F}));
}

TEST(VectorCell, RefusesWhatCannotMove) {
  expect_contains(error_of([] { (void)make_array(vector_cell({flat(0.1)}, {0}), {1, 1, 1}); }), "gamma must not be 0");
  expect_contains(error_of([] { (void)make_array(vector_cell({flat(0.1)}, {1, 1}), {1, 1, 1}); }),
                  "one number for each of the devices, got 2");
  expect_contains(error_of([] { (void)make_array(vector_cell({flat(0.1)}, {1}, "fixed", 1), {1, 1, 1}); }), "index");
}

}  // namespace
}  // namespace mho::cell
