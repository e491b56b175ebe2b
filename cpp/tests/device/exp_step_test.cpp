#include "mho/device/exp_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <ostream>
#include <utility>

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

// A kernel moves devices by either: weights and the question for bounds must have the same bits.
TEST(ExpStep, HasTheBitsOfItsUsualStep) {
  for (const Shape& shape : {usual, reram}) {
    const auto exp_step = model(values(shape));
    const ExpStep::Lanes<simd::Single> lanes{simd::F1(0.012F), simd::F1(-0.008F), simd::F1(0.5F), simd::F1(-0.7F),
                                             simd::F1(0.012F), simd::F1(-0.008F), simd::F1(3.1F), simd::F1(-2.3F)};
    for (int i = -700; i <= 500; ++i) {
      const simd::F1 w(static_cast<float>(i) * 0.001F);
      for (const bool up : {true, false}) {
        const auto step = exp_step.step(lanes, w, simd::M1{up});
        const auto plain = exp_step.usual().step(lanes, w, simd::M1{up});
        for (const std::uint32_t n : {1U, 2U, 7U, 15U}) {
          ASSERT_EQ(step.reach(simd::U1(n)).v, plain.reach(simd::U1(n)).v);
          ASSERT_EQ(step.too_coarse(simd::U1(n)).v, plain.too_coarse(simd::U1(n)).v);
          ASSERT_EQ(step(simd::U1(n))(simd::F1(0.7F)).v, plain(simd::U1(n))(simd::F1(0.7F)).v);
        }
      }
    }
  }
}

// dw + sigma (|dw| + add + slope |w|) xi, one pulse at a time.
TEST(ExpStep, HasNoiseThatFollowsTheWeight) {
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 0.5F, .w_min = -0.7F};
  for (const Shape& shape : {usual, reram}) {
    for (const auto& [add, slope] : {std::pair{0.04, 0.1}, {0.04, 0.0}, {0.0, 0.1}}) {
      tests::Values changes = values(shape);
      changes.insert({{"dw_min_ctoc_add", add}, {"dw_min_ctoc_slope", slope}});
      const auto exp_step = model(changes);
      bool valid = true;
      (void)tests::aggregate_moments(exp_step, device, 0.1, true, 2, valid);
      EXPECT_FALSE(valid);
      for (double w = -0.7; w <= 0.5; w += 0.1) {
        for (const double xi : {-3.0, 0.0, 0.5}) {
          for (const bool up : {true, false}) {
            const double dw = mean_step(shape, device, w, up);
            const double noise = 0.3 * (std::fabs(dw) + add + slope * std::fabs(w)) * xi;
            EXPECT_NEAR(tests::pulse(exp_step, device, w, up, xi), w + dw + noise, 2e-7 + 1e-5 * std::fabs(dw));
          }
        }
      }
      // No pulse, no noise.
      const F32 start(0.1F);
      const auto none = exp_step.step(tests::lanes_of(exp_step, device), start, tests::direction(true))(U32(0U));
      EXPECT_EQ(tests::first_lane(none(F32(2.0F))), 0.1F);
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

struct Case {
  Shape shape;
  double step;
  double ctoc;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << (c.shape.a > 0 ? "usual shape" : "reram") << ", step " << c.step << ", noise " << c.ctoc;
}

class ExpStepSum : public testing::TestWithParam<Case> {};

TEST_P(ExpStepSum, IsWithinTheAllowedError) {
  const auto& [shape, step, ctoc] = GetParam();
  tests::Values changes = values(shape);
  changes["dw_min_ctoc"] = ctoc;
  changes["dw_min"] = step;
  const auto exp_step = model(changes);
  const auto s = static_cast<float>(step);
  const tests::Nominal device{.up = s, .down = s, .w_max = 1.0F, .w_min = -1.0F};
  int taken = 0;
  for (const double w : {-0.6, 0.0, 0.4}) {
    for (const bool up : {true, false}) {
      for (const int n : {2, 3, 7, 15}) {
        bool valid = false;
        const auto actual = tests::aggregate_moments(exp_step, device, w, up, n, valid);
        if (!valid) continue;
        ++taken;
        SCOPED_TRACE(testing::Message() << "w " << w << (up ? " up " : " down ") << n << " pulses");
        tests::Moments slack;
        const double first = mean_step(shape, device, static_cast<double>(static_cast<float>(w)), up);
        const auto exact = tests::sampled_moments(exp_step, device, first, ctoc, w, up, n, slack);
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
