#include "mho/network/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support.h"

namespace mho::network {
namespace {

std::vector<float> forward_of(const std::string& function, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  Activation(function).forward({x.data(), 1, x.size(), false}, y.data(), {});
  return y;
}

double exact(const std::string& function, double x) {
  if (function == "sigmoid") return 1 / (1 + std::exp(-x));
  return function == "tanh" ? std::tanh(x) : std::fmax(x, 0.0);
}

TEST(Activation, HasTheValuesOfItsFunctionWhereverANumberLies) {
  for (const std::string function : {"sigmoid", "tanh", "relu"}) {
    for (const std::size_t n : {1, 15, 16, 17, 50}) {
      const std::vector<float> x = tests::random_values(n, 3, 5.0F);
      const std::vector<float> y = forward_of(function, x);
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(y[i], exact(function, x[i]), 3e-7) << function << " of " << x[i];
        EXPECT_EQ(y[i], forward_of(function, {x[i]}).front()) << function;  // the same bits in any place
      }
    }
  }
}

TEST(Activation, EndsAreReachedAndNaNStays) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {200.0F, infinity}) {
    EXPECT_EQ(forward_of("sigmoid", {x}).front(), 1.0F);
    EXPECT_LT(forward_of("sigmoid", {-x}).front(), 1e-37F);
    EXPECT_GE(forward_of("sigmoid", {-x}).front(), 0.0F);
    EXPECT_EQ(forward_of("tanh", {x}).front(), 1.0F);
    EXPECT_EQ(forward_of("tanh", {-x}).front(), -1.0F);
    EXPECT_EQ(forward_of("relu", {-x}).front(), 0.0F);
  }
  for (const std::string function : {"sigmoid", "tanh", "relu"}) {
    EXPECT_TRUE(std::isnan(forward_of(function, {nan}).front())) << function;
  }
}

TEST(Activation, BackwardIsTheSlopeTimesTheGradient) {
  for (const std::string function : {"sigmoid", "tanh", "relu"}) {
    const std::vector<float> x = tests::random_values(33, 3, 3.0F);
    const std::vector<float> d = tests::random_values(33, 4);
    const std::vector<float> y = forward_of(function, x);
    std::vector<float> dx(x.size());
    Activation(function).backward({d.data(), 3, 11, false}, x.data(), y.data(), dx.data(), {});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double h = 1e-5;
      const double slope = (exact(function, x[i] + h) - exact(function, x[i] - h)) / (2 * h);
      EXPECT_NEAR(dx[i], slope * d[i], 1e-6) << function << " at " << x[i];
    }
  }
}

TEST(Activation, RefusesAFunctionItDoesNotKnow) {
  tests::expect_contains(tests::error_of([] { Activation("softplus"); }), "sigmoid, tanh or relu, got softplus");
}

}  // namespace
}  // namespace mho::network
