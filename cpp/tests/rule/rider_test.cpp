#include "mho/rule/rider.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;

// Nothing is written of what has always been there.
TEST(RIDER, CountsFromTheMeanOfWhatItReads) {
  Trained trained("RIDER", {{"filter", 0.25}, {"fast_lr", 1.0}, {"transfer_every", 10.0}}, "Ideal");
  std::vector<float> mean(Trained::out);
  std::vector<float> slow(Trained::out);
  for (std::size_t sweep = 0; sweep < 3; ++sweep) {
    // The first line is read after ten samples, and again when all lines have been.
    for (std::size_t s = 0; s < (sweep == 0 ? 10 : 10 * Trained::in); ++s) trained.train(s % 190, 1);
    const auto fast = tests::plane(*trained.rule->arrays()[0].array, "weight");
    for (std::size_t i = 0; i < Trained::out; ++i) {
      slow[i] += 0.1F * (fast[i * Trained::in] - mean[i]);
      mean[i] += 0.25F * (fast[i * Trained::in] - mean[i]);
      EXPECT_NEAR(trained.buffer("running_mean")[i * Trained::in], mean[i], 1e-5);
      EXPECT_NEAR(tests::plane(*trained.main, "weight")[i * Trained::in], slow[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace mho::rule
