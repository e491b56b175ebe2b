#include "mho/rule/transfer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
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
  const Values options[] = {{{"transfer_columns", true}},
                            {{"transfer_columns", false}},
                            {{"transfer_order", "random"}},
                            {{"transfer_order", "random"}, {"reset_prob", 0.3}, {"transfer_columns", false}},
                            {{"reset_prob", 1.0}}};
  for (Values changes : options) {
    changes["transfer_every"] = 3.0;
    Trained together(GetParam(), changes);
    Trained apart(GetParam(), changes);
    together.train(0, 200);
    for (std::size_t s = 0; s < 200; ++s) apart.train(s, 1);
    EXPECT_TRUE(together.state() == apart.state()) << "option " << changes.begin()->first;
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
  std::vector<float> baseline(out * in);
  for (Buffer* buffer : shown.rule->buffers()) {
    if (buffer->name == (GetParam() == "RIDER" ? "running_mean" : GetParam() == "ERIDER" ? "reference" : "")) {
      buffer->copy(1, baseline.data());
    }
    if (buffer->name == "in_chopper") sign_in.assign(buffer->of(1), buffer->of(1) + in);
    if (buffer->name == "out_chopper") sign_out.assign(buffer->of(1), buffer->of(1) + out);
  }
  const float* seen = shown.rule->visible(1);
  const float* slow = shown.main->crosspoints().visible(1);
  const float* fast = shown.rule->arrays()[0].array->crosspoints().visible(1);
  for (std::size_t i = 0; i < out; ++i) {
    for (std::size_t j = 0; j < in; ++j) {
      const std::size_t at = shown.main->shape().place(i, j);
      ASSERT_FLOAT_EQ(seen[at], slow[at] + 0.5F * sign_out[i] * sign_in[j] * (fast[at] - baseline[i * in + j]));
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
                         testing::Values("TikiTaka", "TikiTaka2", "ChoppedTikiTaka2", "AGAD", "ResidualLearning",
                                         "RIDER", "ERIDER"),
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

// In turn, every line is read once before one is read again; at random, each line about as often, in another order for
// each instance, and the same order again.
TEST(TransferRule, ReadsLinesInTurnOrAtRandom) {
  const auto lines_of = [](const Values& changes) {
    Values all{{"filter", 1.0}, {"fast_lr", 0.5}, {"transfer_every", 1.0}};
    all.insert(changes.begin(), changes.end());
    Trained trained("ResidualLearning", all, "Ideal");
    std::vector<std::vector<std::size_t>> lines(2);
    std::vector<float> before(trained.rule->buffers()[0]->values);
    for (std::size_t s = 0; s < 200; ++s) {
      trained.train(s, 1);
      const Buffer& buffer = *trained.rule->buffers()[0];
      for (std::size_t k = 0; k < 2; ++k) {
        for (std::size_t j = 0; j < in; ++j) {
          const auto at = static_cast<std::ptrdiff_t>((k * in + j) * out);
          if (!std::equal(before.begin() + at, before.begin() + at + out, buffer.values.begin() + at)) {
            lines[k].push_back(j);
          }
        }
      }
      before = buffer.values;
    }
    return lines;
  };
  const auto in_turn = lines_of({});
  ASSERT_EQ(in_turn[0].size(), 200U);
  for (std::size_t s = 0; s < 200; ++s) ASSERT_EQ(in_turn[0][s], s % in);
  EXPECT_EQ(in_turn[0], in_turn[1]);
  const auto random = lines_of({{"transfer_order", "random"}});
  ASSERT_EQ(random[0].size(), 200U);
  EXPECT_NE(random[0], random[1]);
  EXPECT_EQ(random, lines_of({{"transfer_order", "random"}}));
  std::vector<int> counts(in);
  for (const std::size_t line : random[0]) ++counts[line];
  // 10 of each on average, with a standard deviation of 3.1.
  for (const int count : counts) EXPECT_LT(count, 26);
  EXPECT_GT(std::ranges::count_if(counts, [](int count) { return count != 10; }), 0);
}

TEST(TransferRule, ResetsLinesThatWereRead) {
  for (const bool columns : {true, false}) {
    Trained trained("TikiTaka", {{"reset_prob", 1.0}, {"transfer_columns", columns}}, "Ideal");
    trained.train(0, 4);
    const auto fast = tests::plane(*trained.rule->arrays()[0].array, "weight");
    const auto d = tests::random_values(200 * out, 92);
    const auto x = tests::random_values(200 * in, 91);
    for (std::size_t i = 0; i < out; ++i) {
      for (std::size_t j = 0; j < in; ++j) {
        // Line n was reset after sample n, and has taken the samples since.
        const std::size_t line = columns ? j : i;
        float expected = 0;
        for (std::size_t s = line < 4 ? line + 1 : 0; s < 4; ++s) expected -= 0.5F * d[s * out + i] * x[s * in + j];
        ASSERT_NEAR(fast[i * in + j], expected, 1e-6);
      }
    }
    EXPECT_EQ(trained.rule->counters().back().name, "transfer_resets");
    EXPECT_EQ(trained.rule->counters().back().values, std::vector<std::uint64_t>{8});
  }
}

// An update that has begun ends, whatever the numbers that a transfer comes to.
TEST(TransferRule, SaturatesWhatIsWrittenToIdealWeights) {
  Trained trained("TikiTaka", {{"fast_lr", 1e12}, {"transfer_lr", 1e12}, {"scale_transfer_lr", false}}, "Ideal");
  const std::vector<float> x(in, 1e3F);
  const std::vector<float> d(out, -1e3F);
  for (int s = 0; s < 100; ++s) trained.rule->update({x.data(), 1, in, false}, {d.data(), 1, out, false}, 1e9, 1);
  for (const float w : tests::plane(*trained.main, "weight")) {
    ASSERT_TRUE(std::isfinite(w));
    ASSERT_GT(w, 1e28F);
  }
  EXPECT_EQ(trained.main->steps().update, 100U);
}

}  // namespace
}  // namespace mho::rule
