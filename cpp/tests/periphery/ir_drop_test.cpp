#include "mho/periphery/ir_drop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support.h"

namespace mho::periphery {
namespace {

TEST(IrDrop, CurrentsOfLaterInputsPassMoreOfTheWire) {
  const auto passed = wire_passed(4);
  const std::vector<float> expected{0, 0.4375F, 0.75F, 0.9375F};
  EXPECT_EQ(std::vector<float>(passed.begin(), passed.end()), expected);
}

// What lies behind the columns of a matrix is neither written nor of any effect, and what lies behind it is not read.
TEST(IrDrop, SumsAreThreeProducts) {
  for (const std::size_t rows : {1UL, 2UL, 3UL, 4UL, 5UL, 7UL, 64UL}) {
    for (const std::size_t columns : {1UL, 15UL, 16UL, 17UL, 128UL}) {
      for (const std::size_t inputs : {1UL, 2UL, 45UL, 1000UL}) {
        const std::size_t stride = columns + 3;
        auto w = tests::random_values((inputs - 1) * stride + columns, 1);
        w.shrink_to_fit();
        for (std::size_t j = 0; j + 1 < inputs; ++j) {
          for (std::size_t c = columns; c < stride; ++c) w[j * stride + c] = std::nanf("");
        }
        const auto x = tests::random_values(rows * inputs, 2);
        std::vector<float> current(rows * stride, -7.0F);
        std::vector<float> absolute(rows * columns);
        std::vector<float> passed(rows * columns);
        sum_with_ir_drop({x.data(), rows, inputs, inputs}, {w.data(), inputs, columns, stride},
                         {current.data(), stride, absolute.data(), passed.data()});
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t c = 0; c < columns; ++c) {
            double sum = 0;
            double sum_absolute = 0;
            double sum_passed = 0;
            for (std::size_t j = 0; j < inputs; ++j) {
              const double product = static_cast<double>(x[r * inputs + j]) * static_cast<double>(w[j * stride + c]);
              const double rest = 1 - static_cast<double>(j) / static_cast<double>(inputs);
              sum += product;
              sum_absolute += std::fabs(product);
              sum_passed += product * (1 - rest * rest);
            }
            // Half of a last bit for each operation of the longest chain: a sum of sums of sums.
            const double rounding = 0x1p-24 * 3 * static_cast<double>(inputs + 1) * sum_absolute;
            ASSERT_NEAR(current[r * stride + c], sum, rounding) << rows << " x " << inputs << " x " << columns;
            ASSERT_NEAR(absolute[r * columns + c], sum_absolute, rounding);
            ASSERT_NEAR(passed[r * columns + c], sum_passed, rounding);
          }
          for (std::size_t c = columns; c < stride; ++c) ASSERT_EQ(current[r * stride + c], -7.0F);
        }
        // A row by itself has the bits of a row among others.
        std::vector<float> alone(columns);
        std::vector<float> alone_absolute(columns);
        std::vector<float> alone_passed(columns);
        sum_with_ir_drop({x.data() + (rows - 1) * inputs, 1, inputs, inputs}, {w.data(), inputs, columns, stride},
                         {alone.data(), columns, alone_absolute.data(), alone_passed.data()});
        for (std::size_t c = 0; c < columns; ++c) {
          ASSERT_EQ(alone[c], current[(rows - 1) * stride + c]);
          ASSERT_EQ(alone_absolute[c], absolute[(rows - 1) * columns + c]);
          ASSERT_EQ(alone_passed[c], passed[(rows - 1) * columns + c]);
        }
      }
    }
  }
}

TEST(IrDrop, IsLostFromCurrents) {
  const std::vector<float> absolute{0, 1, 2};
  const std::vector<float> passed{3, 1, -2};
  std::vector<float> current{1, 2, 3};
  lose_ir_drop(0.5F, 2.0F, absolute.data(), passed.data(), 3, current.data());
  // c = 0, 0.20625, 0.35
  EXPECT_FLOAT_EQ(current[0], 1.0F);
  EXPECT_FLOAT_EQ(current[1], 2.0F - 2 * 0.20625F);
  EXPECT_FLOAT_EQ(current[2], 3.0F + 4 * 0.35F);
}

}  // namespace
}  // namespace mho::periphery
