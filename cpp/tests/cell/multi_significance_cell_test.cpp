#include "mho/cell/multi_significance_cell.h"

#include <gtest/gtest.h>

#include "cell/cells.h"

namespace mho::cell {
namespace {

using namespace tests;

std::unique_ptr<array::Array> make(const Values& changes = {}, const Values& pair_changes = {}) {
  const Parameters pair = one_sided_cell(flat(0.0625, {{"w_max", 1.0}, {"w_min", 0.0}}), 0.0625, pair_changes);
  return make_array(multi_significance_cell(pair, flat(0.125), changes), {1, 1, 1});
}

TEST(MultiSignificanceCell, TransfersAndChangesItsPolarity) {
  const auto a = make({{"gain", 2.0}});
  EXPECT_DOUBLE_EQ(a->crosspoints().granularity(), 0.125);
  pulse_all(*a, true, 0.125);
  EXPECT_EQ(plane(*a, "capacitor/weight")[0], 0.125F);
  EXPECT_EQ(plane(*a, "weight")[0], 0.125F);
  pulse_all(*a, true, 0.125);  // 0.25, which is two pulses of 2 * 0.0625
  EXPECT_EQ(counted(*a, "transfers"), 1U);
  EXPECT_EQ(plane(*a, "capacitor/weight")[0], 0.0F);
  EXPECT_EQ(plane(*a, "pair/positive/weight")[0], 0.125F);
  EXPECT_EQ(plane(*a, "weight")[0], 0.25F);
  pulse_all(*a, true, 0.125);  // the capacitor counts the other way round now
  EXPECT_EQ(plane(*a, "capacitor/weight")[0], -0.125F);
  EXPECT_EQ(plane(*a, "weight")[0], 0.375F);
  pulse_all(*a, true, 0.125);
  EXPECT_EQ(counted(*a, "transfers"), 2U);
  EXPECT_EQ(plane(*a, "pair/positive/weight")[0], 0.25F);
  EXPECT_EQ(plane(*a, "weight")[0], 0.5F);
  pulse_all(*a, false, 0.125);
  EXPECT_EQ(plane(*a, "capacitor/weight")[0], -0.125F);
  pulse_all(*a, false, 0.125);
  EXPECT_EQ(plane(*a, "pair/negative/weight")[0], 0.125F);
}

TEST(MultiSignificanceCell, AddsAndSubtractsAFixedReference) {
  const auto a = make({{"gain", 2.0}, {"reference_mean", 0.125}, {"transfer_every", 1.0}});
  EXPECT_EQ(plane(*a, "weight")[0], -0.125F);
  pass(*a, 1);
  EXPECT_EQ(plane(*a, "pair/weight")[0], -0.0625F);
  EXPECT_EQ(plane(*a, "weight")[0], 0.0F);
  pass(*a, 1);
  EXPECT_EQ(plane(*a, "pair/weight")[0], 0.0F);
  const auto b =
      make({{"gain", 2.0}, {"reference_mean", 0.125}, {"transfer_every", 1.0}, {"polarity_inversion", false}});
  pass(*b, 2);
  EXPECT_EQ(plane(*b, "pair/weight")[0], -0.125F);
}

TEST(MultiSignificanceCell, LetsThePairBeRefreshed) {
  const auto a = make({{"transfer_every", 100.0}}, {{"refresh_every", 3.0}});
  const float high = 0.875F;
  const float low = 0.375F;
  (void)a->crosspoints().set_part("pair/positive", &high, false);
  (void)a->crosspoints().set_part("pair/negative", &low, false);
  pass(*a, 7);
  EXPECT_EQ(counted(*a, "pair/refreshed"), 1U);
  EXPECT_EQ(plane(*a, "pair/positive/weight")[0], 0.5F);
  EXPECT_EQ(counted(*a, "transfers"), 0U);
}

TEST(MultiSignificanceCell, SetsThePairAndWhatIsLeftTheCapacitor) {
  const auto a = make();
  const float w = 3.5F;
  EXPECT_EQ(a->crosspoints().set_weight(&w, false), 0U);
  EXPECT_EQ(plane(*a, "pair/positive/weight")[0], 1.0F);
  EXPECT_EQ(plane(*a, "capacitor/weight")[0], 0.5F);
}

}  // namespace
}  // namespace mho::cell
