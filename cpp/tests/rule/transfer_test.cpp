#include "mho/rule/transfer.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;
using tests::Values;

constexpr std::size_t out = Trained::out, in = Trained::in;

class TransferRules : public testing::TestWithParam<std::string> {};

TEST_P(TransferRules, TakeSamplesTogetherOrOneByOne) {
  for (const bool columns : {true, false}) {
    const Values changes{{"transfer_columns", columns}, {"transfer_every", 3.0}};
    Trained together(GetParam(), changes);
    Trained apart(GetParam(), changes);
    together.train(0, 200);
    for (std::size_t s = 0; s < 200; ++s) apart.train(s, 1);
    EXPECT_TRUE(together.state() == apart.state()) << "columns " << columns;
  }
}

TEST_P(TransferRules, ReadALineEverySoManySamples) {
  Trained trained(GetParam(), {{"transfer_every", 2.0}, {"batch_size", 5.0}});
  trained.train(0, 49);
  const auto counters = trained.rule->counters();
  EXPECT_EQ(counters[0].values, std::vector<std::uint64_t>{49});
  EXPECT_EQ(counters[1].values, std::vector<std::uint64_t>{4});
  EXPECT_EQ(trained.main->steps().update, 4U);
}

TEST_P(TransferRules, KeepTheFastArrayApart) {
  Trained trained(GetParam());
  const auto arrays = trained.rule->arrays();
  ASSERT_EQ(arrays.size(), 1U);
  EXPECT_EQ(arrays[0].name, "fast");
  const auto slow = tests::plane(*trained.main, "w_max");
  const auto fast = tests::plane(*arrays[0].array, "w_max");
  EXPECT_NE(slow, fast);
}

TEST_P(TransferRules, ShowBothArraysWhereGammaIsNotZero) {
  Trained hidden(GetParam());
  EXPECT_EQ(hidden.rule->visible(0), nullptr);
  Trained shown(GetParam(), {{"gamma", 0.5}});
  shown.train(0, 100);
  std::vector<float> sign_in(in, 1.0F);
  std::vector<float> sign_out(out, 1.0F);
  for (Buffer* buffer : shown.rule->buffers()) {
    if (buffer->name == "in_chopper") sign_in.assign(buffer->of(1), buffer->of(1) + in);
    if (buffer->name == "out_chopper") sign_out.assign(buffer->of(1), buffer->of(1) + out);
  }
  const float* seen = shown.rule->visible(1);
  const float* slow = shown.main->crosspoints().visible(1);
  const float* fast = shown.rule->arrays()[0].array->crosspoints().visible(1);
  for (std::size_t i = 0; i < out; ++i) {
    for (std::size_t j = 0; j < in; ++j) {
      const std::size_t at = i * shown.main->shape().stride() + j;
      ASSERT_FLOAT_EQ(seen[at], slow[at] + 0.5F * sign_out[i] * sign_in[j] * fast[at]);
    }
  }
}

TEST_P(TransferRules, GoToRest) {
  Trained trained(GetParam(), {{"gamma", 0.5}});
  trained.train(0, 100);
  trained.rule->rest();
  for (const float w : tests::plane(*trained.rule->arrays()[0].array, "weight")) ASSERT_EQ(w, 0.0F);
  const float* seen = trained.rule->visible(0);
  const float* slow = trained.main->crosspoints().visible(0);
  for (std::size_t i = 0; i < trained.main->shape().plane(); ++i) ASSERT_EQ(seen[i], slow[i]);
}

INSTANTIATE_TEST_SUITE_P(Rules, TransferRules,
                         testing::Values("TikiTaka", "TikiTaka2", "ChoppedTikiTaka2", "AGAD", "ResidualLearning"),
                         [](const auto& info) { return info.param; });

// Ideal weights move exactly: the fast one by the gradients, the slow one by what is read of it.
TEST(TransferRule, IsExactOnIdealWeights) {
  Trained trained("TikiTaka", {{"fast_lr", 1.0}}, "Ideal");
  const std::vector<float> x(in, 1.0F);
  const std::vector<float> d(out, -1.0F);
  for (int s = 0; s < 3; ++s) trained.rule->update({x.data(), 1, in, false}, {d.data(), 1, out, false}, 0.5, 1);
  const auto fast = tests::plane(*trained.rule->arrays()[0].array, "weight");
  const auto slow = tests::plane(*trained.main, "weight");
  for (std::size_t j = 0; j < in; ++j) {
    EXPECT_FLOAT_EQ(fast[j], 3.0F);
    EXPECT_FLOAT_EQ(slow[j], j < 3 ? 0.5F * static_cast<float>(j + 1) : 0.0F);
  }
}

}  // namespace
}  // namespace mho::rule
