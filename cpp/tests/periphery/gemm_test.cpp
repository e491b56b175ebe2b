#include "mho/periphery/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <ostream>
#include <vector>

#include "support.h"

namespace mho::periphery {
namespace {

struct Sizes {
  std::size_t batch, out, in;
};

void PrintTo(const Sizes& s, std::ostream* out) { *out << s.batch << " of " << s.out << " x " << s.in; }

class Product : public testing::TestWithParam<Sizes> {};

// Sums of k products of numbers below 1 in floats.
double tolerance(std::size_t k) { return 1e-7 * static_cast<double>(k) + 1e-7; }

// What lies between the rows of a matrix is neither read nor written.
TEST_P(Product, IsTheSumOfProducts) {
  const auto [batch, out, in] = GetParam();
  const std::size_t w_stride = in + 3;
  auto w = tests::random_values(out * w_stride, 1);
  for (std::size_t i = 0; i < out; ++i) {
    for (std::size_t j = in; j < w_stride; ++j) w[i * w_stride + j] = std::nanf("");
  }
  const auto x = tests::random_values(batch * in, 2);
  const auto d = tests::random_values(batch * out, 3);
  const std::size_t y_stride = out + 2;
  const std::size_t g_stride = in + 5;
  std::vector<float> y(batch * y_stride, -7.0F);
  std::vector<float> g(batch * g_stride, -7.0F);
  multiply_transposed({x.data(), batch, in, in}, {w.data(), out, in, w_stride}, y.data(), y_stride);
  multiply({d.data(), batch, out, out}, {w.data(), out, in, w_stride}, g.data(), g_stride);
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t i = 0; i < out; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < in; ++j) {
        sum += static_cast<double>(x[b * in + j]) * static_cast<double>(w[i * w_stride + j]);
      }
      ASSERT_NEAR(y[b * y_stride + i], sum, tolerance(in));
    }
    for (std::size_t j = 0; j < in; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < out; ++i) {
        sum += static_cast<double>(d[b * out + i]) * static_cast<double>(w[i * w_stride + j]);
      }
      ASSERT_NEAR(g[b * g_stride + j], sum, tolerance(out));
    }
    // A single row is written without a gap anyway.
    for (std::size_t k = out; batch > 1 && k < y_stride; ++k) ASSERT_EQ(y[b * y_stride + k], -7.0F);
    for (std::size_t k = in; batch > 1 && k < g_stride; ++k) ASSERT_EQ(g[b * g_stride + k], -7.0F);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Product,
                         testing::Values(Sizes{1, 1, 1}, Sizes{1, 17, 33}, Sizes{2, 1, 5}, Sizes{3, 5, 1},
                                         Sizes{7, 16, 16}, Sizes{64, 100, 257}, Sizes{65, 128, 300},
                                         Sizes{10, 256, 784}));

TEST(Gemm, NamesItsLibrary) { EXPECT_EQ(eigen_version().front(), '5'); }

}  // namespace
}  // namespace mho::periphery
