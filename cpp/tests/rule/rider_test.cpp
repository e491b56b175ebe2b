#include "mho/rule/rider.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;
using tests::Values;

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

// A buffer takes what would be written, in steps of the fast array, and C gets the whole ones.
TEST(RIDER, SumsUpWhatItWritesUntilThatIsWorthAPulse) {
  const Values buffered{{"filter", 0.25},    {"buffer_granularity", 2.0}, {"auto_granularity", 50.0},
                        {"batch_size", 5.0}, {"transfer_lr", 4.0},        {"forget_buffer", false}};
  Trained trained("RIDER", buffered);
  array::Array& fast = *trained.rule->arrays()[0].array;
  // Of the first line, which is read after five samples, and again when all lines have been.
  const double step = 2.0 * fast.crosspoints().granularity() * 50.0 / (5.0 * Trained::in);
  std::vector<float> mean(Trained::out);
  std::vector<double> sum(Trained::out);
  std::uint64_t written = 0;
  for (std::size_t sweep = 0; sweep < 4; ++sweep) {
    for (std::size_t s = 0; s < (sweep == 0 ? 5 : 5 * Trained::in); ++s) trained.train(s % 190, 1);
    const auto read = tests::plane(fast, "weight");
    for (std::size_t i = 0; i < Trained::out; ++i) {
      sum[i] += 4.0 * 0.1 * (read[i * Trained::in] - mean[i]) / step;
      mean[i] += 0.25F * (read[i * Trained::in] - mean[i]);
      if (std::fabs(sum[i]) >= 1) {
        sum[i] -= std::copysign(1.0, sum[i]);  // trains of one slot
        ++written;
      }
      EXPECT_NEAR(trained.buffer("buffer")[i * Trained::in], sum[i], 1e-4);
    }
  }
  EXPECT_GT(written, 0U);
}

// The buffer and the running maxima are there only where something needs them, and cost what they do.
TEST(RIDER, HasWhatItsOptionsNeed) {
  const auto names = [](const Values& changes) {
    Trained trained("ERIDER", changes);
    std::vector<std::string> found;
    for (const Buffer* buffer : trained.rule->buffers()) found.push_back(buffer->name);
    return found;
  };
  EXPECT_EQ(names({}), (std::vector<std::string>{"running_mean", "reference", "in_chopper"}));
  EXPECT_EQ(names({{"buffer_granularity", 1.0}, {"auto_scale", true}}),
            (std::vector<std::string>{"running_mean", "buffer", "reference", "running_maxima", "in_chopper"}));
  const auto operations = [](const std::string& type, double granularity) {
    Trained trained(type, {{"buffer_granularity", granularity}});
    trained.train(0, 1);
    return trained.rule->counters()[2].values[0];
  };
  const std::uint64_t line = 2 * Trained::out;  // of two instances
  EXPECT_EQ(operations("RIDER", 0), 4 * line);
  EXPECT_EQ(operations("RIDER", 1), 6 * line);
  EXPECT_EQ(operations("ERIDER", 0), 5 * line);
  EXPECT_EQ(operations("ERIDER", 1), 7 * line);
}

}  // namespace
}  // namespace mho::rule
