#include "mho/device/exp_step.h"

#include <gtest/gtest.h>

#include <cmath>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

// Shape parameters of a device: the defaults, and those of a fit to filamentary ReRAM.
struct Shape {
  double a_up, a_down, gamma_up, gamma_down, a, b;
};
constexpr Shape usual{0.00081, 0.36833, 12.44625, 12.78785, 0.244, 0.2425};
constexpr Shape reram{-1.18445, -0.081404, 5, 5, -0.5, -0.5};

tests::Values values(const Shape& s) {
  return {{"A_up", s.a_up}, {"A_down", s.a_down}, {"gamma_up", s.gamma_up}, {"gamma_down", s.gamma_down}, {"a", s.a},
          {"b", s.b}};
}

ExpStep model(tests::Values changes = {}) {
  Parameters p = tests::device("ExpStep", changes);
  (void)p.text("type");
  ExpStep result(p);
  p.finish();
  return result;
}

double mean_step(const Shape& s, const tests::Nominal& device, double w, bool up) {
  const double range = static_cast<double>(device.w_max) - static_cast<double>(device.w_min);
  const double z = 2 * s.a * w / range + s.b;
  if (up) return static_cast<double>(device.up) * std::fmax(1 - s.a_up * std::exp(s.gamma_up * z), 0.0);
  return -static_cast<double>(device.down) * std::fmax(1 - s.a_down * std::exp(-s.gamma_down * z), 0.0);
}

TEST(ExpStep, FollowsItsExponentials) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 0.5F, .w_min = -0.7F};
  for (const Shape& shape : {usual, reram}) {
    const auto exp_step = model(values(shape));
    for (double w = -0.7; w <= 0.5; w += 0.1) {
      for (const double xi : {-3.0, 0.0, 0.5}) {
        for (const bool up : {true, false}) {
          const double dw = mean_step(shape, device, w, up) * (1 + 0.3 * xi);
          EXPECT_NEAR(tests::pulse(exp_step, device, w, up, xi), w + dw, 2e-7 + 1e-5 * std::fabs(dw));
        }
      }
    }
  }
}

TEST(ExpStep, StandsStillWhereItsStepWouldTurnRound) {
  const auto exp_step = model({{"A_up", 2.0}, {"gamma_up", 0.0}});
  EXPECT_EQ(tests::pulse(exp_step, {}, 0.25, true, 1.0), 0.25);
}

TEST(ExpStep, HasTheGranularityOfItsMeanStepAtZero) {
  for (const Shape& shape : {usual, reram}) {
    tests::Values changes = values(shape);
    changes["up_down"] = 0.25;
    const tests::Nominal nominal{.up = 0.01F, .down = 0.0075F};
    const double expected = 0.5 * (mean_step(shape, nominal, 0, true) - mean_step(shape, nominal, 0, false));
    EXPECT_NEAR(model(changes).granularity(), expected, 1e-8);
  }
}

// Moments of n pulses one at a time. The same pulses with the step of the first one have a known mean, and what is left
// has little spread: so few samples do.
tests::Moments sampled_moments(const ExpStep& exp_step, const tests::Nominal& device, double first_step, double sigma,
                               double w, bool up, int n, tests::Moments& slack) {
  constexpr std::uint32_t draws = 1024;  // of 64 samples
  const auto lanes = tests::lanes_of(exp_step, device);
  const auto start = static_cast<float>(w);
  double sums[4] = {};
  double rest = 0;
  double rest_square = 0;
  const double step = first_step;
  for (std::uint32_t draw = 0; draw < draws; ++draw) {
    F32 weight[4];
    F32 noise[4];
    for (std::size_t k = 0; k < 4; ++k) {
      weight[k] = F32(start);
      noise[k] = F32(0.0F);
    }
    for (int i = 0; i < n; ++i) {
      const auto xi = random::Stream(random::Key::from(11), random::Purpose::pulse_noise, static_cast<unsigned>(i))
                          .gaussians(0, draw);
      for (std::size_t k = 0; k < 4; ++k) {
        weight[k] = exp_step.pulse(lanes, weight[k], tests::direction(up), xi.value[k]);
        noise[k] = noise[k] + xi.value[k];
      }
    }
    for (std::size_t k = 0; k < 4; ++k) {
      float after[simd::lanes];
      float drawn[simd::lanes];
      weight[k].store(after);
      noise[k].store(drawn);
      for (std::size_t lane = 0; lane < simd::lanes; ++lane) {
        const double dw = static_cast<double>(after[lane]) - static_cast<double>(start);
        const double d = dw - step * (n + sigma * static_cast<double>(drawn[lane]));
        rest += d;
        rest_square += d * d;
        double power = 1;
        for (double& sum : sums) {
          sum += power;
          power *= dw;
        }
      }
    }
  }
  const double count = sums[0];
  for (double& sum : sums) sum /= count;
  tests::Moments m;
  m.mean = step * n + rest / count;
  m.variance = sums[2] - sums[1] * sums[1];
  const double third = sums[3] - 3 * sums[1] * sums[2] + 2 * sums[1] * sums[1] * sums[1];
  m.skewness = m.variance > 0 ? third / std::pow(m.variance, 1.5) : 0;
  // Five standard errors.
  const double rest_variance = rest_square / count - rest * rest / (count * count);
  slack = {5 * std::sqrt(std::fmax(rest_variance, 0) / count), 5 * m.variance * std::sqrt(2 / count),
           5 * std::sqrt(6 / count)};
  return m;
}

struct Case {
  Shape shape;
  double step;
  double ctoc;
};

class ExpStepSum : public testing::TestWithParam<Case> {};

TEST_P(ExpStepSum, IsWithinTheAllowedError) {
  const auto& [shape, step, ctoc] = GetParam();
  tests::Values changes = values(shape);
  changes["dw_min_ctoc"] = ctoc;
  const auto exp_step = model(changes);
  const auto s = static_cast<float>(step);
  const tests::Nominal device{.up = s, .down = s, .w_max = 1.0F, .w_min = -1.0F};
  int taken = 0;
  for (const double w : {-0.6, 0.0, 0.4}) {
    for (const bool up : {true, false}) {
      for (const int n : {2, 5, 20}) {
        bool valid = false;
        const auto actual = tests::aggregate_moments(exp_step, device, w, up, n, valid);
        if (!valid) continue;
        ++taken;
        SCOPED_TRACE(testing::Message() << "w " << w << (up ? " up " : " down ") << n << " pulses");
        tests::Moments slack;
        const double first = mean_step(shape, device, static_cast<double>(static_cast<float>(w)), up);
        const auto exact = sampled_moments(exp_step, device, first, ctoc, w, up, n, slack);
        tests::expect_close(actual, exact, 2e-7, slack);
      }
    }
  }
  EXPECT_GT(taken, 0);
}

INSTANTIATE_TEST_SUITE_P(Steps, ExpStepSum,
                         testing::Values(Case{usual, 0.001, 0.3}, Case{usual, 0.01, 0.3}, Case{usual, 0.001, 0},
                                         Case{reram, 0.00135, 5.0}, Case{reram, 0.00135, 0.3}, Case{reram, 0.02, 0.3}));

}  // namespace
}  // namespace mho::device
