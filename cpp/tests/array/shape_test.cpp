#include "mho/array/shape.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace mho::array {
namespace {

// Sizes below, at and above those of registers and of the squares that are turned over.
TEST(Shape, PutsValuesWhereTheyBelongAndBack) {
  for (const std::size_t out : {1UL, 15UL, 16UL, 17UL, 50UL}) {
    for (const std::size_t in : {1UL, 3UL, 16UL, 33UL}) {
      const Shape shape{out, in, 1};
      std::vector<float> values(shape.crosspoints());
      std::iota(values.begin(), values.end(), 1.0F);
      constexpr float untouched = -7;
      std::vector<float> padded(shape.plane(), untouched);
      shape.pad(values.data(), padded.data());
      std::vector<float> expected(shape.plane(), untouched);
      for (std::size_t i = 0; i < out; ++i) {
        for (std::size_t j = 0; j < in; ++j) expected[shape.place(i, j)] = values[i * in + j];
      }
      EXPECT_EQ(padded, expected) << out << " x " << in;
      std::vector<float> back(shape.crosspoints(), untouched);
      shape.unpad(padded.data(), back.data());
      EXPECT_EQ(back, values) << out << " x " << in;
    }
  }
}

TEST(Shape, CountsCrosspointsAndPlaces) {
  const Shape shape{17, 5, 3};
  EXPECT_EQ(shape.crosspoints(), 85U);
  EXPECT_EQ(shape.devices(), 255U);
  EXPECT_EQ(shape.stride(), 32U);
  EXPECT_EQ(shape.padded_inputs(), 8U);
  EXPECT_EQ(shape.plane(), 256U);
}

}  // namespace
}  // namespace mho::array
