#include "mho/rule/agad.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;

// Nothing is written while there is no reference, and after a change of signs the reference is the mean until then.
TEST(AGAD, WaitsForItsReference) {
  Trained trained("AGAD",
                  {{"in_chop_prob", 0.5}, {"out_chop_prob", 0.0}, {"tail_weightening", 1.0}, {"transfer_lr", 1e4}});
  trained.train(0, 2 * Trained::in);
  for (const float r : trained.buffer("reference")) ASSERT_EQ(r, 0.0F);
  const auto mean = trained.buffer("running_mean");
  trained.train(2 * Trained::in, Trained::in);
  EXPECT_EQ(trained.buffer("reference"), mean);
  EXPECT_EQ(tests::pulses_of(*trained.main).up + tests::pulses_of(*trained.main).down, 0U);
  trained.train(3 * Trained::in, Trained::in);
  EXPECT_GT(tests::pulses_of(*trained.main).up + tests::pulses_of(*trained.main).down, 0U);
}

}  // namespace
}  // namespace mho::rule
