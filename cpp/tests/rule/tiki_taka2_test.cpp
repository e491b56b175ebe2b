#include "mho/rule/tiki_taka2.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "rule/trained.h"

namespace mho::rule {
namespace {

using tests::Trained;

// Below the threshold nothing is written, and everything is kept.
TEST(TikiTaka2, WritesWholePulsesOnly) {
  Trained trained("TikiTaka2", {{"threshold_scale", 1e6}});
  trained.train(0, 200);
  for (const float w : tests::plane(*trained.main, "weight")) ASSERT_EQ(w, 0.0F);
  float largest = 0;
  for (const float h : trained.buffer("buffer")) largest = std::max(largest, std::fabs(h));
  EXPECT_GT(largest, 0.0F);
  EXPECT_LT(largest, 1.0F);
  Trained eager("TikiTaka2", {{"threshold_scale", 0.01}});
  eager.train(0, 200);
  EXPECT_GT(tests::pulses_of(*eager.main).up + tests::pulses_of(*eager.main).down, 0U);
  for (const float h : eager.buffer("buffer")) ASSERT_LT(std::fabs(h), 1.0F);
}

}  // namespace
}  // namespace mho::rule
