#include "mho/device/soft_bounds_reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

SoftBoundsReference model(const tests::Values& changes = {}) {
  Parameters p = tests::device("SoftBoundsReference", changes);
  (void)p.text("type");
  SoftBoundsReference result(p);
  p.finish();
  return result;
}

constexpr double reference = 0.15;

// A device with the bounds 0.5 and -0.7, less a reference.
tests::Nominal nominal(float up = 0.012F, float down = 0.008F) {
  return {.up = up,
          .down = down,
          .w_max = static_cast<float>(0.5 - reference),
          .w_min = static_cast<float>(-0.7 - reference),
          .extra = {static_cast<float>(reference)}};
}

TEST(SoftBoundsReference, ShrinksItsStepWithTheConductance) {
  const auto device = nominal();
  for (const double w : {-0.85, -0.2, 0.0, 0.3, 0.35}) {
    for (const double xi : {-3.0, 0.0, 0.5}) {
      const double up = 0.012 * (1 - (w + reference) / 0.5);
      const double down = -0.008 * (1 - (w + reference) / -0.7);
      const auto relative = model({{"mult_noise", true}});
      EXPECT_NEAR(tests::pulse(relative, device, w, true, xi), w + up * (1 + 0.3 * xi), 1e-7);
      EXPECT_NEAR(tests::pulse(relative, device, w, false, xi), w + down * (1 + 0.3 * xi), 1e-7);
      EXPECT_NEAR(tests::pulse(model(), device, w, true, xi), w + up + 0.012 * 0.3 * xi, 1e-7);
      EXPECT_NEAR(tests::pulse(model(), device, w, false, xi), w + down - 0.008 * 0.3 * xi, 1e-7);
    }
  }
}

TEST(SoftBoundsReference, AddsItsStepToTheWeightAndRoundsOnce) {
  // A step that a sum of the size of the reference would lose.
  const tests::Nominal device{.up = 1e-9F, .down = 1e-9F, .w_max = 0.5F, .w_min = -1.5F, .extra = {0.5F}};
  EXPECT_EQ(tests::pulse(model(), device, 0, true, 0), static_cast<double>(1e-9F * 0.5F));
}

TEST(SoftBoundsReference, DoesNotMoveWithoutRoom) {
  for (const float at : {0.0F, 0.05F, -0.05F}) {
    const tests::Nominal device{.up = 0, .down = 0, .w_max = at, .w_min = at, .extra = {0.2F}};
    for (const bool up : {true, false}) {
      EXPECT_EQ(tests::pulse(model(), device, static_cast<double>(at), up, 2.0), static_cast<double>(at));
    }
  }
}

TEST(SoftBoundsReference, HasTheGranularityOfItsMeanStepAtZero) {
  const auto pulsed = [](bool subtract) {
    return model({{"up_down", 0.25}, {"w_max", 0.5}, {"w_min", -0.7}, {"subtract_symmetry_point", subtract}});
  };
  const auto at = [](double v) { return 0.5 * (0.01 * (1 - v / 0.5) + 0.0075 * (1 + v / 0.7)); };
  EXPECT_NEAR(pulsed(false).granularity(), at(0.1), 1e-12);
  EXPECT_NEAR(pulsed(true).granularity(), at(0.1 + (0.01 - 0.0075) / (0.01 / 0.5 + 0.0075 / 0.7)), 1e-12);
}

struct Spread {
  double mean;
  double deviation;
};

Spread spread_of(const std::vector<double>& values) {
  double sum = 0;
  double square = 0;
  for (const double v : values) sum += v;
  const double mean = sum / static_cast<double>(values.size());
  for (const double v : values) square += (v - mean) * (v - mean);
  return {mean, std::sqrt(square / static_cast<double>(values.size()))};
}

TEST(SoftBoundsReference, DrawsReferencesAndMovesTheBounds) {
  tests::Values changes = tests::no_spread();
  changes.insert({{"slope_up_dtod", 0.0}, {"slope_down_dtod", 0.0}, {"subtract_symmetry_point", false}});
  const auto a = tests::make_array(tests::device("SoftBoundsReference", changes), {64, 64, 1});
  const auto references = tests::plane(*a, "reference");
  const auto upper = tests::plane(*a, "w_max");
  const auto lower = tests::plane(*a, "w_min");
  std::vector<double> values;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const auto r = static_cast<double>(references[i]);
    EXPECT_NEAR(upper[i], 0.6 - r, 1e-7);
    EXPECT_NEAR(lower[i], -0.6 - r, 1e-7);
    values.push_back(r);
  }
  const auto [mean, deviation] = spread_of(values);
  EXPECT_NEAR(mean, 0.1, 5 * 0.05 / 64);
  EXPECT_NEAR(deviation, 0.05, 5 * 0.05 / std::sqrt(2.0) / 64);
}

TEST(SoftBoundsReference, SubtractsTheSymmetryPointOfEachDevice) {
  const tests::Values changes{
      {"reference_mean", 0.0}, {"reference_std", 0.0}, {"up_down_dtod", 0.2}, {"stuck_prob", 0.2}};
  const auto a = tests::make_array(tests::device("SoftBoundsReference", changes), {16, 64, 1});
  const auto up = tests::plane(*a, "dw_min_up"), down = tests::plane(*a, "dw_min_down");
  const auto upper = tests::plane(*a, "w_max"), lower = tests::plane(*a, "w_min");
  const auto references = tests::plane(*a, "reference");
  std::size_t stuck = 0;
  std::size_t elsewhere = 0;
  for (std::size_t i = 0; i < up.size(); ++i) {
    if (upper[i] == lower[i]) {
      ++stuck;
      EXPECT_EQ(references[i], 0.0F);
      continue;
    }
    const double r = static_cast<double>(references[i]);
    const double b_max = static_cast<double>(upper[i]) + r;
    const double b_min = static_cast<double>(lower[i]) + r;
    // At weight 0 both steps have the same size.
    const double step_up = static_cast<double>(up[i]) * (1 - r / b_max);
    const double step_down = static_cast<double>(down[i]) * (1 - r / b_min);
    if (b_max > 0.05 && b_min < -0.05) {
      EXPECT_NEAR(step_up, step_down, 1e-7);
    }
    elsewhere += std::fabs(r) > 0.01 ? 1 : 0;
  }
  EXPECT_GT(stuck, 100U);
  EXPECT_GT(elsewhere, 300U);
}

// The bounds are the further the flatter the slopes, and the steps at conductance 0 stay.
TEST(SoftBoundsReference, ScattersItsSlopes) {
  tests::Values changes = tests::no_spread();
  changes.insert({{"slope_up_dtod", 0.1},
                  {"slope_down_dtod", 0.2},
                  {"reference_mean", 0.0},
                  {"reference_std", 0.0},
                  {"subtract_symmetry_point", false}});
  const auto a = tests::make_array(tests::device("SoftBoundsReference", changes), {64, 64, 1});
  for (const bool is_up : {true, false}) {
    const double sigma = is_up ? 0.1 : 0.2;
    std::vector<double> slopes;
    for (const float bound : tests::plane(*a, is_up ? "w_max" : "w_min")) {
      slopes.push_back((is_up ? 0.6 : -0.6) / static_cast<double>(bound));
    }
    const auto [mean, deviation] = spread_of(slopes);
    EXPECT_NEAR(mean, 1, 5 * sigma / 64);
    EXPECT_NEAR(deviation, sigma, 5 * sigma / std::sqrt(2.0) / 64);
  }
  for (const float step : tests::plane(*a, "dw_min_up")) EXPECT_EQ(step, 0.01F);
}

struct Case {
  double step;
  double ctoc;
  bool multiplicative;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << "step " << c.step << ", noise " << c.ctoc << (c.multiplicative ? " of the step" : "");
}

class SoftBoundsReferenceSum : public testing::TestWithParam<Case> {};

TEST_P(SoftBoundsReferenceSum, IsWithinTheAllowedError) {
  const auto [step, ctoc, multiplicative] = GetParam();
  const auto soft = model({{"dw_min", step}, {"dw_min_ctoc", ctoc}, {"mult_noise", multiplicative}});
  const auto s = static_cast<float>(step);
  const auto device = nominal(s, s);
  int taken = 0;
  for (const double w : {-0.8, -0.5, 0.0, 0.2, 0.34}) {
    for (const bool up : {true, false}) {
      for (const int n : {2, 3, 7, 15}) {
        bool valid = false;
        const auto actual = tests::aggregate_moments(soft, device, w, up, n, valid);
        if (!valid) continue;
        ++taken;
        SCOPED_TRACE(testing::Message() << "w " << w << (up ? " up " : " down ") << n << " pulses");
        const double bound = up ? 0.5 : -0.7;
        const double own = up ? step : -step;
        const double f = own * (1 - (static_cast<double>(static_cast<float>(w)) + reference) / bound);
        tests::expect_close(actual, tests::linear_moments(f, own / bound, own, ctoc, n, multiplicative), 1e-7);
      }
    }
  }
  EXPECT_GE(taken, 8);
}

INSTANTIATE_TEST_SUITE_P(Steps, SoftBoundsReferenceSum,
                         testing::Values(Case{0.002, 0.3, true}, Case{0.002, 0.3, false}, Case{0.002, 3.75, false},
                                         Case{0.01, 0.3, true}, Case{0.01, 0.3, false}, Case{0.0005, 5.0, true}));

}  // namespace
}  // namespace mho::device
