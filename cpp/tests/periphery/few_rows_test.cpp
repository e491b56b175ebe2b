#include "mho/periphery/few_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support.h"

namespace mho::periphery {
namespace {

// What lies behind the columns of a matrix is neither read nor written, and zeros make no difference.
TEST(FewRows, AreMultipliedAsMany) {
  for (std::size_t rows = 1; rows <= few_rows; ++rows) {
    for (const std::size_t columns : {1UL, 16UL, 63UL, 64UL, 65UL, 128UL, 200UL}) {
      const std::size_t inputs = 45;
      const std::size_t stride = columns + 3;
      auto w = tests::random_values((inputs - 1) * stride + columns, 1);
      for (std::size_t k = 0; k + 1 < inputs; ++k) {
        for (std::size_t c = columns; c < stride; ++c) w[k * stride + c] = std::nanf("");
      }
      auto x = tests::random_values(rows * inputs, 2, 1.0F, 0.3);
      for (std::size_t r = 0; r < rows; ++r) x[r * inputs + 7] = 0;
      std::vector<float> y(rows * stride, -7.0F);
      multiply_few({x.data(), rows, inputs, inputs}, {w.data(), inputs, columns, stride}, y.data(), stride);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
          double sum = 0;
          for (std::size_t k = 0; k < inputs; ++k) {
            sum += static_cast<double>(x[r * inputs + k]) * static_cast<double>(w[k * stride + c]);
          }
          ASSERT_NEAR(y[r * stride + c], sum, 5e-6) << rows << " x " << columns;
        }
        for (std::size_t c = columns; c < stride; ++c) ASSERT_EQ(y[r * stride + c], -7.0F);
      }
      // A row by itself has the bits of a row among others.
      std::vector<float> alone(columns);
      multiply_few({x.data(), 1, inputs, inputs}, {w.data(), inputs, columns, stride}, alone.data(), columns);
      for (std::size_t c = 0; c < columns; ++c) ASSERT_EQ(alone[c], y[c]);
    }
  }
}

}  // namespace
}  // namespace mho::periphery
