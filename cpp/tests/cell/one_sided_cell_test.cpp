#include "mho/cell/one_sided_cell.h"

#include <gtest/gtest.h>

#include "cell/cells.h"

namespace mho::cell {
namespace {

using namespace tests;

Parameters one_way(double dw_min) { return flat(dw_min, {{"w_max", 1.0}, {"w_min", 0.0}}); }

TEST(OneSidedCell, RaisesEitherDevice) {
  const auto a = make_array(one_sided_cell(one_way(0.125), 0.125, {{"gamma", 2.0}}), {1, 1, 1});
  EXPECT_DOUBLE_EQ(a->crosspoints().granularity(), 0.25);
  pulse_all(*a, true, 0.25);
  pulse_all(*a, true, 0.25);
  pulse_all(*a, false, 0.25);
  EXPECT_EQ(plane(*a, "positive/weight")[0], 0.25F);
  EXPECT_EQ(plane(*a, "negative/weight")[0], 0.125F);
  EXPECT_EQ(plane(*a, "weight")[0], 0.25F);
  EXPECT_EQ(counted(*a, "positive/pulses_up"), 2U);
  EXPECT_EQ(counted(*a, "negative/pulses_up"), 1U);
  EXPECT_EQ(counted(*a, "negative/pulses_down"), 0U);
}

TEST(OneSidedCell, IsTheOtherWayRoundWhereItIsSubtracted) {
  const auto a = make_array(vector_cell({one_sided_cell(one_way(0.125), 0.125)}, {-1}), {1, 1, 1});
  pulse_all(*a, true, 0.125);
  EXPECT_EQ(plane(*a, "device0/negative/weight")[0], 0.125F);
  EXPECT_EQ(plane(*a, "weight")[0], 0.125F);
}

TEST(OneSidedCell, RefreshesPairsThatSaturate) {
  const auto a = make_array(one_sided_cell(one_way(0.125), 0.125, {{"refresh_every", 3.0}}), {1, 5, 1});
  const float positive[] = {0.875F, 0.375F, 0.875F, 0.75F, 1.0F};
  const float negative[] = {0.375F, 1.0F, 0.25F, 0.5F, 1.0F};
  (void)a->crosspoints().set_part("positive", positive, false);
  (void)a->crosspoints().set_part("negative", negative, false);
  pass(*a, 2);
  EXPECT_EQ(counted(*a, "refreshed"), 0U);
  pass(*a, 1);
  // The third and the fourth are not above both limits; the others keep their weight, by whole pulses from rest.
  EXPECT_EQ(counted(*a, "refreshed"), 3U);
  EXPECT_EQ(plane(*a, "positive/weight"), (std::vector<float>{0.5F, 0.0F, 0.875F, 0.75F, 0.0F}));
  EXPECT_EQ(plane(*a, "negative/weight"), (std::vector<float>{0.0F, 0.625F, 0.25F, 0.5F, 0.0F}));
  EXPECT_EQ(counted(*a, "positive/pulses_up"), 4U);
  EXPECT_EQ(counted(*a, "negative/pulses_up"), 5U);
}

TEST(OneSidedCell, SetsOneDeviceAndResetsTheOther) {
  const auto a = make_array(one_sided_cell(one_way(0.125), 0.125, {{"gamma", 0.5}}), {1, 3, 1});
  const float w[] = {0.25F, -0.5F, 0.75F};
  EXPECT_EQ(a->crosspoints().set_weight(w, false), 1U);
  EXPECT_EQ(plane(*a, "positive/weight"), (std::vector<float>{0.5F, 0.0F, 1.0F}));
  EXPECT_EQ(plane(*a, "negative/weight"), (std::vector<float>{0.0F, 1.0F, 0.0F}));
}

TEST(OneSidedCell, RefusesCellsAndStepsThatDoNotFit) {
  const Parameters inner = vector_cell({one_way(0.1)}, {1});
  expect_contains(error_of([&] { (void)make_array(one_sided_cell(inner, 0.1), {1, 1, 1}); }), "w_max is missing");
  const Values one_step{{"steps", std::vector<double>{0.1}}};
  expect_contains(error_of([&] { (void)make_array(one_sided_cell(one_way(0.1), 0.1, one_step), {1, 1, 1}); }),
                  "steps must be two numbers > 0");
}

}  // namespace
}  // namespace mho::cell
