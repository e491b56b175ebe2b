#include "mho/rule/residual_learning.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;

TEST(ResidualLearning, FiltersWhatItReads) {
  Trained trained("ResidualLearning", {{"filter", 0.25}, {"fast_lr", 1.0}, {"transfer_every", 10.0}}, "Ideal");
  trained.train(0, 10);
  const auto fast = tests::plane(*trained.rule->arrays()[0].array, "weight");
  const auto filtered = trained.buffer("filtered");
  const auto slow = tests::plane(*trained.main, "weight");
  for (std::size_t i = 0; i < Trained::out; ++i) {
    EXPECT_FLOAT_EQ(filtered[i * Trained::in], 0.25F * fast[i * Trained::in]);
    EXPECT_FLOAT_EQ(slow[i * Trained::in], 0.1F * filtered[i * Trained::in]);
  }
}

}  // namespace
}  // namespace mho::rule
