#include "mho/rule/tiki_taka.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;

// The slow array moves by what is read of the fast one, and by nothing else.
TEST(TikiTaka, WritesWhatItReads) {
  Trained trained("TikiTaka", {{"fast_lr", 2.0}, {"transfer_every", 5.0}}, "Ideal");
  trained.train(0, 5, 0.25);
  const auto fast = tests::plane(*trained.rule->arrays()[0].array, "weight");
  const auto slow = tests::plane(*trained.main, "weight");
  for (std::size_t i = 0; i < Trained::out; ++i) {
    EXPECT_FLOAT_EQ(slow[i * Trained::in], 0.25F * fast[i * Trained::in]);
    EXPECT_EQ(slow[i * Trained::in + 1], 0.0F);
  }
}

// Slower arrays are read when all lines of the faster one have been.
TEST(TikiTaka, TransfersDownAChainOfArrays) {
  Trained trained("TikiTaka",
                  {{"fast_devices", std::vector<Parameters>{tests::device("Ideal"), tests::device("Ideal")}}}, "Ideal");
  EXPECT_EQ(trained.rule->arrays().size(), 2U);
  trained.train(0, 45);
  const auto counters = trained.rule->counters();
  EXPECT_EQ(counters[0].values, (std::vector<std::uint64_t>{45, 45}));
  EXPECT_EQ(counters[1].values, (std::vector<std::uint64_t>{45, 2}));
  EXPECT_EQ(trained.main->steps().update, 2U);
}

// Or when so many have been; each array is then written at a rate of its own.
TEST(TikiTaka, TransfersDownAChainAtItsOwnPace) {
  Trained trained("TikiTaka",
                  {{"fast_devices", std::vector<Parameters>{tests::device("Ideal"), tests::device("Ideal")}},
                   {"transfer_every", 2.0},
                   {"transfer_every_growth", 5.0},
                   {"transfer_lr", 0.1},
                   {"transfer_lr_growth", 1.2}},
                  "Ideal");
  trained.train(0, 10);
  const auto counters = trained.rule->counters();
  EXPECT_EQ(counters[0].values, (std::vector<std::uint64_t>{10, 5}));
  EXPECT_EQ(counters[1].values, (std::vector<std::uint64_t>{5, 1}));
  // The second array was written five lines, and its first line goes to the last.
  const auto middle = tests::plane(*trained.rule->arrays()[1].array, "weight");
  const auto slow = tests::plane(*trained.main, "weight");
  for (std::size_t i = 0; i < Trained::out; ++i) {
    EXPECT_NE(middle[i * Trained::in], 0.0F);
    EXPECT_FLOAT_EQ(slow[i * Trained::in], 0.1F * 1.2F * 0.1F * middle[i * Trained::in]);
  }
}

}  // namespace
}  // namespace mho::rule
