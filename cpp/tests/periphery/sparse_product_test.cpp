#include "mho/periphery/sparse_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "support.h"

namespace mho::periphery {
namespace {

// What lies behind the columns of a matrix is neither written nor of any effect, what lies behind the matrix is not
// read, and zeros make no difference.
TEST(SparseProduct, IsTheProduct) {
  for (const auto& [rows, together] : std::vector<std::pair<std::size_t, std::size_t>>{
           {1, 1}, {2, 2}, {2, 5}, {3, 3}, {4, 4}, {5, 5}, {6, 2}, {9, 2}, {10, 5}, {17, 1}, {17, 3}, {17, 4}}) {
    for (const std::size_t columns : {1UL, 5UL, 16UL, 63UL, 64UL, 65UL, 128UL, 200UL}) {
      const std::size_t inputs = 45;
      const std::size_t stride = columns + 3;
      auto w = tests::random_values((inputs - 1) * stride + columns, 1);
      w.shrink_to_fit();
      for (std::size_t k = 0; k + 1 < inputs; ++k) {
        for (std::size_t c = columns; c < stride; ++c) w[k * stride + c] = std::nanf("");
      }
      auto x = tests::random_values(rows * inputs, 2, 1.0F, 0.3);
      for (std::size_t r = 0; r < rows; ++r) x[r * inputs + 7] = r % 2 == 0 ? 0.0F : -0.0F;
      const MatrixView vectors{x.data(), rows, inputs, inputs};
      const MatrixView matrix{w.data(), inputs, columns, stride};
      std::vector<float> y(rows * stride, -7.0F);
      ListedVectors(vectors, together).multiply(matrix, y.data(), stride);
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
      const MatrixView last{x.data() + (rows - 1) * inputs, 1, inputs, inputs};
      ListedVectors(last, 1).multiply(matrix, alone.data(), columns);
      for (std::size_t c = 0; c < columns; ++c) ASSERT_EQ(alone[c], y[(rows - 1) * stride + c]);
    }
  }
}

TEST(SparseProduct, IsChosenByTheVectorsAlone) {
  const std::size_t inputs = 784;
  std::vector<float> x(64 * inputs, 0.0F);
  for (std::size_t i = 0; i < x.size(); i += 10) x[i] = 1.0F;
  const std::vector<float> dense(64 * inputs, 1.0F);
  const auto chosen = [&](const std::vector<float>& of, std::size_t rows) {
    return ListedVectors::choose({of.data(), rows, inputs, inputs}).has_value();
  };
#if defined(__AVX512F__)
  for (const std::size_t rows : {1UL, 5UL, 6UL, 64UL}) EXPECT_TRUE(chosen(x, rows)) << rows;
  for (const std::size_t rows : {1UL, 5UL}) EXPECT_TRUE(chosen(dense, rows)) << rows;
  for (const std::size_t rows : {6UL, 64UL}) EXPECT_FALSE(chosen(dense, rows)) << rows;
#elif defined(__AVX2__)
  for (const std::size_t rows : {1UL, 5UL, 10UL, 64UL}) EXPECT_TRUE(chosen(x, rows)) << rows;
  for (const std::size_t rows : {1UL, 10UL, 64UL}) EXPECT_FALSE(chosen(dense, rows)) << rows;
#else
  for (const std::size_t rows : {1UL, 10UL, 64UL}) EXPECT_FALSE(chosen(dense, rows) || chosen(x, rows)) << rows;
#endif
}

TEST(SparseProduct, SeesEveryNumberThatIsNotZeroAndNothingElse) {
  for (const std::size_t columns : {1UL, 15UL, 16UL, 17UL, 40UL}) {
    std::vector<float> x(3 * (columns + 2), 0.0F);
    for (std::size_t r = 0; r < 3; ++r) x[r * (columns + 2) + columns] = 1.0F;  // behind the columns
    for (std::size_t k = 0; k < columns; k += 3) x[k % 3 * (columns + 2) + k] = k % 2 == 0 ? 1e-30F : -2.0F;
    if (columns > 1) x[1] = -0.0F;
    // Weights that a product with zero would show.
    std::vector<float> w(columns, std::nanf(""));
    for (std::size_t k = 0; k < columns; k += 3) w[k] = 1.0F;
    float y[3];
    ListedVectors({x.data(), 3, columns, columns + 2}, 3).multiply({w.data(), columns, 1, 1}, y, 1);
    for (std::size_t r = 0; r < 3; ++r) {
      float sum = 0;
      for (std::size_t k = 0; k < columns; k += 3) sum += x[r * (columns + 2) + k];
      EXPECT_EQ(y[r], sum) << columns;
    }
  }
  const std::vector<float> zeros(20, 0.0F);
  std::vector<float> y(3, -7.0F);
  const std::vector<float> w(60, 1.0F);
  ListedVectors({zeros.data(), 1, 20, 20}, 1).multiply({w.data(), 20, 3, 3}, y.data(), 3);
  EXPECT_EQ(y, std::vector<float>(3, 0.0F));
}

}  // namespace
}  // namespace mho::periphery
