#include "mho/device/piecewise_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <utility>
#include <vector>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

using Row = std::vector<double>;

PiecewiseStep model(const tests::Values& changes = {}) {
  Parameters p = tests::device("PiecewiseStep", changes);
  (void)p.text("type");
  PiecewiseStep result(p);
  p.finish();
  return result;
}

double interpolated(const Row& nodes, double u) {
  const double place = u * static_cast<double>(nodes.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(std::fmax(place, 0)), nodes.size() - 2);
  return nodes[i] + (place - static_cast<double>(i)) * (nodes[i + 1] - nodes[i]);
}

double mean_step(const Row& nodes, const tests::Nominal& device, double w, bool up) {
  const double upper = static_cast<double>(device.w_max);
  const double lower = static_cast<double>(device.w_min);
  return static_cast<double>(up ? device.up : -device.down) * interpolated(nodes, (w - lower) / (upper - lower));
}

// A function at even distances from 0 to 1.
template <class Function> Row sampled(std::size_t count, Function&& f) {
  Row row;
  for (std::size_t i = 0; i < count; ++i) row.push_back(f(static_cast<double>(i) / static_cast<double>(count - 1)));
  return row;
}

TEST(PiecewiseStep, InterpolatesBetweenItsNodes) {
  const Row up = {1.5, 0.5, 2.0, -0.3};
  const Row down = {0.25, 0.75};
  const auto piecewise = model({{"nodes_up", up}, {"nodes_down", down}});
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 0.5F, .w_min = -0.7F};
  // The bounds and the nodes are among them.
  for (const double w : {-0.7, -0.69, -0.3, -0.1, 0.0, 0.1, 0.2, 0.49, 0.5}) {
    for (const double xi : {-3.0, 0.0, 0.5}) {
      EXPECT_NEAR(tests::pulse(piecewise, device, w, true, xi), w + mean_step(up, device, w, true) * (1 + 0.3 * xi),
                  2e-7);
      EXPECT_NEAR(tests::pulse(piecewise, device, w, false, xi), w + mean_step(down, device, w, false) * (1 + 0.3 * xi),
                  2e-7);
    }
  }
}

TEST(PiecewiseStep, HasAsManyNodesAsItLikes) {
  for (const std::size_t count : {std::size_t{2}, std::size_t{17}, std::size_t{1024}}) {
    const Row up = sampled(count, [](double u) { return 1 - u + 0.2 * std::sin(20 * u); });
    const Row down = sampled(1026 - count, [](double u) { return u * u; });
    const auto piecewise = model({{"nodes_up", up}, {"nodes_down", down}});
    const tests::Nominal device;
    for (int i = 0; i <= 1000; ++i) {
      const double w = static_cast<double>(-0.6F + 0.0012F * static_cast<float>(i));
      for (const bool upwards : {true, false}) {
        const Row& nodes = upwards ? up : down;
        EXPECT_NEAR(tests::pulse(piecewise, device, w, upwards, 0), w + mean_step(nodes, device, w, upwards), 2e-7);
      }
    }
  }
}

TEST(PiecewiseStep, StandsStillWhereItsBoundsMeet) {
  for (const float at : {0.0F, 0.25F, -0.1F}) {
    const tests::Nominal stuck{.up = 0, .down = 0, .w_max = at, .w_min = at};
    for (const bool up : {true, false}) {
      EXPECT_EQ(tests::pulse(model(), stuck, static_cast<double>(at), up, 1), static_cast<double>(at));
    }
  }
}

TEST(PiecewiseStep, HasTheGranularityOfItsMeanStepAtZero) {
  const Row up = {1.5, 0.5, 2.0};
  const Row down = {0.25, 0.75, 1.0, 3.0};
  const auto piecewise =
      model({{"nodes_up", up}, {"nodes_down", down}, {"up_down", 0.25}, {"w_max", 0.5}, {"w_min", -0.75}});
  EXPECT_NEAR(piecewise.granularity(), 0.005 * (interpolated(up, 0.6) + 0.75 * interpolated(down, 0.6)), 1e-12);
}

TEST(PiecewiseStep, RefusesTablesOfOtherLengths) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{1025}}) {
    for (const char* name : {"nodes_up", "nodes_down"}) {
      tests::expect_contains(tests::error_of([&] { (void)model({{name, Row(count, 1.0)}}); }),
                             std::string(name) + " must have 2 to 1024 nodes, got " + std::to_string(count));
    }
  }
  tests::expect_contains(tests::error_of([] { (void)model({{"nodes_up", Row{1, NAN}}}); }), "must be finite");
  tests::expect_contains(tests::error_of([] { (void)model({{"nodes_up", Row{1, 2e6}}}); }), "nodes_up must be in");
}

// A copy, as kernels make one, looks at the table of the original.
TEST(PiecewiseStep, CanBeCopiedAndMoved) {
  auto original = model({{"nodes_up", Row{2, 1}}});
  const tests::Nominal device;
  const double moved = tests::pulse(original, device, 0.1, true, 0.5);
  const PiecewiseStep copy(original);
  EXPECT_EQ(tests::pulse(copy, device, 0.1, true, 0.5), moved);
  const PiecewiseStep taken(std::move(original));
  EXPECT_EQ(tests::pulse(taken, device, 0.1, true, 0.5), moved);
  EXPECT_EQ(tests::pulse(copy, device, 0.1, true, 0.5), moved);
}

struct Case {
  const char* name;
  Row nodes;
  double step;
  double ctoc;
  bool often;  // whether several pulses are taken at once at half of the weights below at least
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name << ", step " << c.step << ", noise " << c.ctoc; }

class PiecewiseStepSum : public testing::TestWithParam<Case> {};

// Starts lie just before the kinks that a pulse up and a pulse down meet, on them, and between them.
TEST_P(PiecewiseStepSum, IsWithinTheAllowedError) {
  const Case& c = GetParam();
  const auto piecewise =
      model({{"dw_min", c.step}, {"dw_min_ctoc", c.ctoc}, {"nodes_up", c.nodes}, {"nodes_down", c.nodes}});
  const auto s = static_cast<float>(c.step);
  const tests::Nominal device{.up = s, .down = s};
  int taken = 0;
  int asked = 0;
  for (const double w : {-0.4, -0.3 - c.step, -0.3, -0.3 + c.step, -0.004, 0.0, 0.1, 0.3}) {
    for (const bool up : {true, false}) {
      for (const int n : {2, 3, 7, 15}) {
        asked += n <= 3 ? 1 : 0;
        bool valid = false;
        const auto actual = tests::aggregate_moments(piecewise, device, w, up, n, valid);
        if (!valid) continue;
        taken += n <= 3 ? 1 : 0;
        SCOPED_TRACE(testing::Message() << "w " << w << (up ? " up " : " down ") << n << " pulses");
        tests::Moments slack;
        const double first = mean_step(c.nodes, device, static_cast<double>(static_cast<float>(w)), up);
        const auto exact = tests::sampled_moments(piecewise, device, first, c.ctoc, w, up, n, slack);
        tests::expect_close(actual, exact, 2e-7, slack);
      }
    }
  }
  if (c.often) {
    EXPECT_GE(2 * taken, asked);
  } else {
    EXPECT_LT(taken, asked);
  }
}

const Row falling = {1.8, 1.4, 1.0, 0.6, 0.2};  // kinks of none: a straight line
const Row bent = sampled(33, [](double u) { return std::expm1(2 * (1 - u)) / std::expm1(1); });
const Row fine = sampled(1024, [](double u) { return std::pow(2 * (1 - u), 2); });
const Row sharp = {2.0, 0.8, 1.2, 0.5, 1.0};
const Row reversing = {1.0, -0.5, 1.0, -0.5, 1.0};

INSTANTIATE_TEST_SUITE_P(
    Tables, PiecewiseStepSum,
    testing::Values(Case{"a straight line", falling, 0.001, 0.3, true},
                    Case{"a straight line", falling, 0.001, 0, true}, Case{"a bent curve", bent, 0.001, 0.3, true},
                    Case{"a bent curve", bent, 0.001, 5.0, false}, Case{"a fine table", fine, 0.0005, 0.3, true},
                    Case{"a fine table", fine, 0.01, 0.3, false}, Case{"kinks", sharp, 0.0005, 0.3, false},
                    Case{"kinks", sharp, 0.00005, 0.3, true}, Case{"kinks", sharp, 0.005, 0.3, false},
                    Case{"a step that turns", reversing, 0.001, 0.3, false}));

}  // namespace
}  // namespace mho::device
