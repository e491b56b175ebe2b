#include "mho/network/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support.h"

namespace mho::network {
namespace {

constexpr std::size_t rows = 7;
constexpr std::size_t classes = 10;
const std::int64_t row_labels[rows] = {0, 9, 3, 3, 5, 1, 8};

double exact_cross_entropy(const std::vector<double>& y) {
  double loss = 0;
  for (std::size_t s = 0; s < rows; ++s) {
    double total = 0;
    for (std::size_t i = 0; i < classes; ++i) total += std::exp(y[s * classes + i]);
    loss += std::log(total) - y[s * classes + static_cast<std::size_t>(row_labels[s])];
  }
  return loss / rows;
}

double exact_square(const std::vector<double>& y) {
  double loss = 0;
  for (std::size_t s = 0; s < rows; ++s) {
    for (std::size_t i = 0; i < classes; ++i) {
      const double off = y[s * classes + i] - (static_cast<std::int64_t>(i) == row_labels[s] ? 1.0 : 0.0);
      loss += off * off;
    }
  }
  return loss / (rows * classes);
}

template <class Loss, class Exact> void expect_exact(Loss&& loss, Exact&& exact) {
  const std::vector<float> y = tests::random_values(rows * classes, 3, 4.0F);
  std::vector<float> d(y.size());
  std::vector<double> wide(y.begin(), y.end());
  EXPECT_NEAR(loss({y.data(), rows, classes}, row_labels, d.data()), exact(wide), 1e-6);
  for (std::size_t k = 0; k < wide.size(); ++k) {
    const double h = 1e-4;
    std::vector<double> above = wide;
    std::vector<double> below = wide;
    above[k] += h;
    below[k] -= h;
    EXPECT_NEAR(d[k], (exact(above) - exact(below)) / (2 * h), 1e-6) << k;
  }
}

TEST(Loss, CrossEntropyAndItsGradientAreExact) { expect_exact(cross_entropy, exact_cross_entropy); }

TEST(Loss, MeanSquaredErrorAndItsGradientAreExact) {
  expect_exact([](const Outputs& y, const std::int64_t* label, float* d) { return mean_squared_error(y, label, d); },
               exact_square);
}

TEST(Loss, LabelsStandForOneAmongZeros) {
  const std::vector<float> y = tests::random_values(rows * classes, 3);
  std::vector<float> targets(y.size());
  for (std::size_t s = 0; s < rows; ++s) targets[s * classes + static_cast<std::size_t>(row_labels[s])] = 1.0F;
  std::vector<float> by_labels(y.size());
  std::vector<float> by_targets(y.size());
  const Outputs outputs{y.data(), rows, classes};
  EXPECT_EQ(mean_squared_error(outputs, row_labels, by_labels.data()),
            mean_squared_error(outputs, targets.data(), by_targets.data()));
  EXPECT_EQ(by_labels, by_targets);
}

TEST(Loss, LargeOutputsDoNotOverflow) {
  std::vector<float> y(classes, -3e38F);
  y[4] = 3e38F;
  std::vector<float> d(classes);
  const std::int64_t right = 4;
  EXPECT_NEAR(cross_entropy({y.data(), 1, classes}, &right, d.data()), 0.0, 1e-6);
  const std::int64_t wrong = 5;
  EXPECT_GT(cross_entropy({y.data(), 1, classes}, &wrong, d.data()), 1e38);
  EXPECT_NEAR(d[4], 1.0, 1e-6);
  EXPECT_NEAR(d[5], -1.0, 1e-6);
}

TEST(Loss, OutputsThatAreNotFiniteHaveNoLoss) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> y = tests::random_values(rows * classes, 3);
    y[5 * classes + 2] = bad;
    std::vector<float> d(y.size());
    EXPECT_TRUE(std::isnan(cross_entropy({y.data(), rows, classes}, row_labels, d.data())));
    for (const float v : d) EXPECT_TRUE(std::isnan(v));
  }
}

TEST(Loss, CountsErrorsByTheFirstOfTheLargestOutputs) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float y[] = {0, 1, 1, /**/ 2, 1, 0, /**/ 0, nan, 5, /**/ 0, 0, 1};
  const std::int64_t right[] = {1, 0, 1, 2};
  const std::int64_t wrong[] = {2, 1, 2, 0};
  EXPECT_EQ(count_errors({y, 4, 3}, right), 0U);
  EXPECT_EQ(count_errors({y, 4, 3}, wrong), 4U);
}

TEST(Loss, FindsLabelsThatAreNone) {
  const std::int64_t some[] = {0, 2, 3, -1};
  EXPECT_EQ(wrong_label(some, 2, 3), std::nullopt);
  EXPECT_EQ(wrong_label(some, 3, 3), 3);
  EXPECT_EQ(wrong_label(some + 3, 1, 3), -1);
}

}  // namespace
}  // namespace mho::network
