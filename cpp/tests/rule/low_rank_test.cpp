#include "mho/rule/low_rank.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support.h"

namespace mho::rule {
namespace {

constexpr std::size_t inputs = 7;
constexpr std::size_t outputs = 4;

Pairs none(std::size_t rank) {
  return {rank, std::vector<float>(rank * inputs), std::vector<float>(rank * outputs), std::vector<double>(rank)};
}

std::vector<double> sum_of(const Samples& samples) {
  std::vector<double> sum(outputs * inputs);
  for (std::size_t s = 0; s < samples.count; ++s) {
    for (std::size_t i = 0; i < outputs * inputs; ++i) {
      sum[i] += static_cast<double>(samples.d[s * outputs + i / inputs]) *
                static_cast<double>(samples.x[s * inputs + i % inputs]);
    }
  }
  return sum;
}

std::vector<double> sum_of(const Pairs& pairs) {
  std::vector<double> sum(outputs * inputs);
  for (std::size_t r = 0; r < pairs.rank; ++r) {
    for (std::size_t i = 0; i < outputs * inputs; ++i) {
      sum[i] += pairs.strength[r] * static_cast<double>(pairs.d[r * outputs + i / inputs]) *
                static_cast<double>(pairs.x[r * inputs + i % inputs]);
    }
  }
  return sum;
}

void expect_orthonormal(const std::vector<float>& rows, std::size_t rank) {
  const std::size_t n = rows.size() / rank;
  for (std::size_t a = 0; a < rank; ++a) {
    for (std::size_t b = 0; b < rank; ++b) {
      double product = 0;
      for (std::size_t i = 0; i < n; ++i) {
        product += static_cast<double>(rows[a * n + i]) * static_cast<double>(rows[b * n + i]);
      }
      EXPECT_NEAR(product, a == b ? 1 : 0, 1e-5);
    }
  }
}

TEST(LowRank, IsExactWithAsManyPairsAsDimensions) {
  const auto x = tests::random_values(9 * inputs, 1);
  const auto d = tests::random_values(9 * outputs, 2);
  for (const std::size_t count : {1, 3, 9}) {
    const Samples samples{x.data(), d.data(), count, inputs, outputs};
    Pairs pairs = none(std::min(count, outputs));
    iterate_pairs(samples, 1, pairs);
    const auto found = sum_of(pairs);
    const auto wanted = sum_of(samples);
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-5) << count;
    expect_orthonormal(pairs.d, pairs.rank);
  }
}

TEST(LowRank, StreamsOneDirectionExactlyInAnyBlocks) {
  const auto x = tests::random_values(inputs, 3);
  const auto d = tests::random_values(outputs, 4);
  std::vector<float> xs;
  std::vector<float> ds;
  for (const float share : {1.0F, -0.5F, 2.0F, 0.0F, 0.25F}) {
    for (const float v : x) xs.push_back(share * v);
    for (const float v : d) ds.push_back(v);
  }
  const Samples samples{xs.data(), ds.data(), 5, inputs, outputs};
  const auto wanted = sum_of(samples);
  for (const std::size_t block : {1, 2, 5, 100}) {
    Pairs pairs = none(3);
    for (int batch = 0; batch < 2; ++batch) {
      stream_pairs(samples, block, pairs);
      const auto found = sum_of(pairs);
      for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-5) << block;
      expect_orthonormal(pairs.x, 3);
      expect_orthonormal(pairs.d, 3);
    }
  }
}

TEST(LowRank, IsOrthonormalWhereSamplesAlmostAgree) {
  auto x = tests::random_values(inputs, 6);
  auto d = tests::random_values(outputs, 7);
  const auto x_rest = tests::random_values(5 * inputs, 8, 1e-6F);
  const auto d_rest = tests::random_values(5 * outputs, 9, 1e-6F);
  x.resize(5 * inputs);
  d.resize(5 * outputs);
  for (std::size_t i = 5 * inputs; i-- > 0;) x[i] = x[i % inputs] + x_rest[i];
  for (std::size_t i = 5 * outputs; i-- > 0;) d[i] = d[i % outputs] + d_rest[i];
  const Samples samples{x.data(), d.data(), 5, inputs, outputs};
  const auto wanted = sum_of(samples);
  for (const bool stream : {true, false}) {
    Pairs pairs = none(outputs);
    stream ? stream_pairs(samples, 2, pairs) : iterate_pairs(samples, 2, pairs);
    if (stream) expect_orthonormal(pairs.x, outputs);
    expect_orthonormal(pairs.d, outputs);
    const auto found = sum_of(pairs);
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-5);
  }
}

TEST(LowRank, HasNothingToSayOfNothing) {
  const std::vector<float> zeros(6 * inputs);
  const auto d = tests::random_values(6 * outputs, 5);
  for (const bool errors : {true, false}) {
    const Samples samples{zeros.data(), errors ? d.data() : zeros.data(), 6, inputs, outputs};
    for (const bool stream : {true, false}) {
      Pairs pairs = none(3);
      stream ? stream_pairs(samples, 2, pairs) : iterate_pairs(samples, 2, pairs);
      for (const double strength : pairs.strength) EXPECT_EQ(strength, 0);
      for (const float v : pairs.x) EXPECT_TRUE(std::isfinite(v));
      for (const float v : pairs.d) EXPECT_TRUE(std::isfinite(v));
    }
  }
}

}  // namespace
}  // namespace mho::rule
