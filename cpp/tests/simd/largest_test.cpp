#include "mho/simd/largest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support.h"

namespace mho::simd {
namespace {

TEST(LargestMagnitude, IsThatOfAnyNumberOfValues) {
  for (const std::size_t n : {0UL, 1UL, 15UL, 16UL, 17UL, 100UL}) {
    std::vector<float> values = tests::random_values(n, 5);
    float expected = 0;
    for (const float v : values) expected = std::max(expected, std::fabs(v));
    EXPECT_EQ(largest_magnitude(values.data(), n), expected);
    for (std::size_t i = 0; i < n; ++i) {  // wherever it stands, whatever its sign
      const float kept = values[i];
      values[i] = i % 2 == 0 ? -7.0F : 7.0F;
      EXPECT_EQ(largest_magnitude(values.data(), n), 7.0F);
      values[i] = kept;
    }
  }
}

}  // namespace
}  // namespace mho::simd
