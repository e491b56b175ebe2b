#include "mho/rule/chopped_tiki_taka2.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;

// Regular signs change together, at the last read of a line in each period.
TEST(ChoppedTikiTaka2, ChangesSignsRegularly) {
  Trained trained("ChoppedTikiTaka2", {{"in_chop_random", false}, {"in_chop_prob", 0.25}, {"out_chop_prob", 0.0}});
  const auto all = [&](float sign) { return std::vector<float>(Trained::in, sign); };
  EXPECT_EQ(trained.buffer("in_chopper"), all(1.0F));
  trained.train(0, 3 * Trained::in);
  EXPECT_EQ(trained.buffer("in_chopper"), all(1.0F));
  trained.train(3 * Trained::in, Trained::in);
  EXPECT_EQ(trained.buffer("in_chopper"), all(-1.0F));
  trained.train(0, 4 * Trained::in);
  EXPECT_EQ(trained.buffer("in_chopper"), all(1.0F));
}

// About as often as asked for, and each instance by itself.
TEST(ChoppedTikiTaka2, ChangesSignsAtRandom) {
  Trained trained("ChoppedTikiTaka2", {{"in_chop_prob", 0.3}});
  std::size_t changes = 0;
  std::size_t different = 0;
  constexpr std::size_t sweeps = 100;
  for (std::size_t s = 0; s < sweeps; ++s) {
    const auto before = trained.buffer("in_chopper");
    trained.train(s % 10 * Trained::in, Trained::in);
    const auto after = trained.buffer("in_chopper");
    for (Buffer* buffer : trained.rule->buffers()) {
      if (buffer->name != "in_chopper") continue;
      for (std::size_t j = 0; j < Trained::in; ++j) {
        changes += before[j] != after[j] ? 1U : 0U;
        different += buffer->of(0)[j] != buffer->of(1)[j] ? 1U : 0U;
      }
    }
  }
  constexpr double n = sweeps * Trained::in;
  EXPECT_NEAR(static_cast<double>(changes), 0.3 * n, 5 * std::sqrt(0.3 * 0.7 * n));
  EXPECT_GT(different, static_cast<std::size_t>(n / 4));
}

TEST(ChoppedTikiTaka2, TracksTheLargestInputsAndErrors) {
  Trained trained("ChoppedTikiTaka2", {{"auto_scale", true}, {"auto_momentum", 0.5}});
  const auto x = tests::random_values(200 * Trained::in, 91);
  const auto d = tests::random_values(200 * Trained::out, 92);
  trained.train(0, 2);
  const auto largest = [](const std::vector<float>& values, std::size_t sample, std::size_t n) {
    float m = 0;
    for (std::size_t i = 0; i < n; ++i) m = std::max(m, std::fabs(values[sample * n + i]));
    return m;
  };
  const auto means = trained.buffer("running_maxima");
  EXPECT_FLOAT_EQ(means[0], 0.5F * (largest(x, 0, Trained::in) + largest(x, 1, Trained::in)));
  EXPECT_FLOAT_EQ(means[1], 0.5F * (largest(d, 0, Trained::out) + largest(d, 1, Trained::out)));
}

}  // namespace
}  // namespace mho::rule
