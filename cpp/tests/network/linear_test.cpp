#include "mho/network/linear.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "network/tiles.h"
#include "support.h"

namespace mho::network {
namespace {

constexpr std::size_t outputs = 5;
constexpr std::size_t inputs = 7;
constexpr std::size_t samples = 3;
const Reading reading{true, false, 1};

// A matrix on a grid, and all that makes it known: W = scale * w for each tile.
struct Case {
  std::string name;
  std::vector<std::size_t> rows, columns;
  Bias bias;
  bool scaled;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class LinearOnGrid : public testing::TestWithParam<Case> {
 protected:
  LinearOnGrid() {
    const Case& c = GetParam();
    const std::vector<float> w = tests::random_values(outputs * lines(), 5, 0.5F);
    std::vector<std::vector<float>> scales;
    effective_.assign(outputs * lines(), 0.0);
    for (std::size_t r = 0; r + 1 < c.rows.size(); ++r) {
      for (std::size_t k = 0; k + 1 < c.columns.size(); ++k) {
        std::vector<float> part;
        std::vector<float> scale;
        for (std::size_t i = c.rows[r]; i < c.rows[r + 1]; ++i) {
          // One scale for each output of the first tile, one for all of every other.
          const float s = !c.scaled ? 1.0F : tiles_.empty() ? 0.5F + static_cast<float>(i) : 0.75F;
          if (tiles_.empty() || i == c.rows[r]) scale.push_back(s);
          for (std::size_t j = c.columns[k]; j < c.columns[k + 1]; ++j) {
            part.push_back(w[i * lines() + j]);
            effective_[i * lines() + j] = static_cast<double>(s) * static_cast<double>(part.back());
            scale_of_.resize(outputs * lines());
            scale_of_[i * lines() + j] = s;
          }
        }
        tiles_.push_back(tests::perfect_tile(c.rows[r + 1] - c.rows[r], c.columns[k + 1] - c.columns[k], part));
        scales.push_back(scale);
      }
    }
    linear_ = std::make_unique<Linear>(tiles_, c.rows, c.columns, c.bias);
    linear_->set_scales(scales);
    if (c.bias == Bias::digital) linear_->set_bias(bias_);
  }

  [[nodiscard]] static std::size_t lines() { return GetParam().columns.back(); }
  [[nodiscard]] double weight(std::size_t i, std::size_t j) const { return effective_[i * lines() + j]; }
  [[nodiscard]] double bias(std::size_t i) const {
    if (GetParam().bias == Bias::analog) return weight(i, inputs);
    return GetParam().bias == Bias::digital ? static_cast<double>(bias_[i]) : 0.0;
  }

  std::vector<std::shared_ptr<tile::Tile>> tiles_;
  std::vector<double> effective_;
  std::vector<float> scale_of_;
  std::vector<float> bias_ = tests::random_values(outputs, 6);
  std::unique_ptr<Linear> linear_;
  std::vector<float> x_ = tests::random_values(samples * inputs, 7);
  std::vector<float> d_ = tests::random_values(samples * outputs, 8);
  array::Batch x_batch_{x_.data(), samples, inputs, false};
  array::Batch d_batch_{d_.data(), samples, outputs, false};
};

TEST_P(LinearOnGrid, ForwardIsTheMatrixAndTheBias) {
  std::vector<float> y(samples * outputs, -9.0F);
  linear_->forward(x_batch_, y.data(), reading);
  for (std::size_t s = 0; s < samples; ++s) {
    for (std::size_t i = 0; i < outputs; ++i) {
      double expected = bias(i);
      for (std::size_t j = 0; j < inputs; ++j) expected += weight(i, j) * static_cast<double>(x_[s * inputs + j]);
      EXPECT_NEAR(y[s * outputs + i], expected, 3e-6);
    }
  }
}

TEST_P(LinearOnGrid, BackwardIsTheTransposedMatrix) {
  std::vector<float> dx(samples * inputs, -9.0F);
  linear_->backward(d_batch_, x_.data(), nullptr, dx.data(), reading);
  for (std::size_t s = 0; s < samples; ++s) {
    for (std::size_t j = 0; j < inputs; ++j) {
      double expected = 0;
      for (std::size_t i = 0; i < outputs; ++i) expected += weight(i, j) * static_cast<double>(d_[s * outputs + i]);
      EXPECT_NEAR(dx[s * inputs + j], expected, 3e-6);
    }
  }
}

TEST_P(LinearOnGrid, UpdateDescendsByTheRateTimesItsScale) {
  linear_->set_rate_scale(0.5);
  linear_->update(x_batch_, d_batch_, 0.2, 1);
  const Case& c = GetParam();
  std::size_t k = 0;
  for (std::size_t r = 0; r + 1 < c.rows.size(); ++r) {
    for (std::size_t column = 0; column + 1 < c.columns.size(); ++column, ++k) {
      const std::vector<float> w = tests::weight_of(*tiles_[k]);
      std::size_t at = 0;
      for (std::size_t i = c.rows[r]; i < c.rows[r + 1]; ++i) {
        for (std::size_t j = c.columns[column]; j < c.columns[column + 1]; ++j, ++at) {
          double expected = weight(i, j);
          for (std::size_t s = 0; s < samples; ++s) {
            const double line = j == inputs ? 1.0 : static_cast<double>(x_[s * inputs + j]);
            expected -= 0.1 * static_cast<double>(d_[s * outputs + i]) * line;
          }
          EXPECT_NEAR(w[at] * scale_of_[i * lines() + j], expected, 3e-6) << i << ", " << j;
        }
      }
    }
  }
  for (std::size_t i = 0; i < linear_->bias().size(); ++i) {
    float expected = bias_[i];
    for (std::size_t s = 0; s < samples; ++s) expected -= 0.1F * d_[s * outputs + i];
    EXPECT_EQ(linear_->bias()[i], expected);  // sample by sample, in order
  }
}

TEST_P(LinearOnGrid, WhatIsNotFiniteIsRefusedBeforeAnythingChanges) {
  std::vector<std::vector<float>> before;
  for (const auto& tile : tiles_) before.push_back(tests::weight_of(*tile));
  d_.back() = std::numeric_limits<float>::infinity();
  tests::expect_contains(tests::error_of([&] { linear_->check_update(x_batch_, d_batch_, 0.2); }), "d must be finite");
  x_.back() = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> y(samples * outputs);
  tests::expect_contains(tests::error_of([&] { linear_->forward(x_batch_, y.data(), reading); }), "x must be finite");
  for (std::size_t k = 0; k < tiles_.size(); ++k) {
    EXPECT_EQ(tests::weight_of(*tiles_[k]), before[k]);
    EXPECT_EQ(tiles_[k]->main().steps().forward, 0U);
    EXPECT_EQ(tiles_[k]->main().steps().update, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LinearOnGrid,
                         testing::Values(Case{"single", {0, 5}, {0, 7}, Bias::none, false},
                                         Case{"scaled", {0, 5}, {0, 7}, Bias::digital, true},
                                         Case{"analog", {0, 5}, {0, 8}, Bias::analog, true},
                                         Case{"grid", {0, 2, 5}, {0, 3, 5, 7}, Bias::digital, true},
                                         Case{"grid_analog", {0, 3, 5}, {0, 4, 8}, Bias::analog, true},
                                         Case{"bias_alone", {0, 5}, {0, 7, 8}, Bias::analog, false}),
                         [](const auto& info) { return info.param.name; });

TEST(Linear, ARateScaleOfZeroKeepsEverything) {
  const auto tile = tests::perfect_tile(1, 1, {0.25F});
  Linear linear({tile}, {0, 1}, {0, 1}, Bias::digital);
  linear.set_rate_scale(0);
  const float one = 1;
  linear.update({&one, 1, 1, false}, {&one, 1, 1, false}, 0.1, 1);
  EXPECT_EQ(tests::weight_of(*tile).front(), 0.25F);
  EXPECT_EQ(linear.bias().front(), 0.0F);
  EXPECT_EQ(tile->main().steps().update, 0U);
}

TEST(Linear, AGradientThatOverflowsByItsScaleIsRefused) {
  const auto tile = tests::perfect_tile(1, 1, {0.25F});
  Linear linear({tile}, {0, 1}, {0, 1}, Bias::digital);
  linear.set_scales({{1e-20F}});
  const float one = 1;
  const float large = 1e30F;
  tests::expect_contains(tests::error_of([&] { linear.check_update({&one, 1, 1, false}, {&large, 1, 1, false}, 0.1); }),
                         "d, scaled,");
  EXPECT_EQ(tile->main().steps().update, 0U);
}

TEST(Linear, ARateBeyondThatOfATileIsRefused) {
  const auto tile = tests::perfect_tile(1, 1, {0.25F});
  Linear linear({tile}, {0, 1}, {0, 1}, Bias::digital);
  linear.set_rate_scale(1e3);
  const float one = 1;
  tests::expect_contains(tests::error_of([&] { linear.check_update({&one, 1, 1, false}, {&one, 1, 1, false}, 1e10); }),
                         "lr times lr_scale must be <= 1000000000000");
  EXPECT_EQ(tile->main().steps().update, 0U);
  linear.update({&one, 1, 1, false}, {&one, 1, 1, false}, 1e-4, 1);
  EXPECT_NEAR(tests::weight_of(*tile).front(), 0.15, 1e-6);
}

TEST(Linear, ChecksWhatItIsMadeOf) {
  const auto tile = tests::perfect_tile(2, 3, std::vector<float>(6, 0.1F));
  tests::expect_contains(tests::error_of([&] { Linear({tile}, {0, 2}, {0, 2, 3}, Bias::none); }), "a tile for each");
  tests::expect_contains(tests::error_of([&] { Linear({tile}, {0, 3}, {0, 2}, Bias::none); }), "tile 0");
  Linear linear({tile}, {0, 2}, {0, 3}, Bias::digital);
  EXPECT_EQ(linear.outputs(3), 2U);
  tests::expect_contains(tests::error_of([&] { (void)linear.outputs(4); }), "3 inputs, got 4");
  tests::expect_contains(tests::error_of([&] { linear.set_scales({{1.0F, 2.0F, 3.0F}}); }), "scales");
  tests::expect_contains(tests::error_of([&] { linear.set_scales({{0.0F}}); }), "positive");
  tests::expect_contains(tests::error_of([&] { linear.set_bias({1.0F}); }), "2 entries, got 1");
}

}  // namespace
}  // namespace mho::network
