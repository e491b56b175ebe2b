#include "mho/rule/erider.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;

// Where the sign of a line changes at each read, so does the reference: it is the mean as it is.
TEST(ERIDER, TakesTheMeanAsReferenceWhenASignChanges) {
  Trained always("ERIDER", {{"in_chop_prob", 1.0}});
  always.train(0, 3 * Trained::in);
  EXPECT_EQ(always.buffer("reference"), always.buffer("running_mean"));
  for (const float c : always.buffer("in_chopper")) EXPECT_EQ(c, -1.0F);

  Trained sometimes("ERIDER", {{"in_chop_prob", 0.3}});
  sometimes.train(0, Trained::in);
  const auto mean = sometimes.buffer("running_mean");
  const auto reference = sometimes.buffer("reference");
  const auto sign = sometimes.buffer("in_chopper");
  std::size_t changed = 0;
  for (std::size_t j = 0; j < Trained::in; ++j) {
    changed += static_cast<std::size_t>(sign[j] < 0);
    for (std::size_t i = 0; i < Trained::out; ++i) {
      EXPECT_EQ(reference[i * Trained::in + j], sign[j] < 0 ? mean[i * Trained::in + j] : 0.0F);
    }
  }
  EXPECT_GT(changed, 0U);
  EXPECT_LT(changed, Trained::in);
}

// On ideal weights the signs cancel: P learns c times what it is shown, and C gets c times that.
TEST(ERIDER, UndoesItsSigns) {
  Trained signs("ERIDER", {{"in_chop_prob", 1.0}, {"filter", 1e-9}, {"fast_lr", 0.1}}, "Ideal");
  signs.train(0, 2 * Trained::in);
  // The mean stays where it was, so that each line gives what it learnt before its sign changed, less what since.
  const auto x = tests::random_values(200 * Trained::in, 91);
  const auto d = tests::random_values(200 * Trained::out, 92);
  const auto slow = tests::plane(*signs.main, "weight");
  for (std::size_t i = 0; i < Trained::out; ++i) {
    double learnt = 0;
    double written = 0;
    for (std::size_t s = 0; s <= Trained::in; ++s) {
      const double step = -0.1 * d[s * Trained::out + i] * x[s * Trained::in];
      learnt += s == 0 ? step : -step;
      if (s == 0) written += learnt;
      if (s == Trained::in) written -= learnt;
    }
    EXPECT_NEAR(slow[i * Trained::in], 0.1 * written, 1e-6);
  }
}

}  // namespace
}  // namespace mho::rule
