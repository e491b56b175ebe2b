#include "mho/device/jump_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "device/response.h"
#include "support.h"

namespace mho::device {
namespace {

using Rows = std::vector<std::vector<double>>;

JumpTable model(const tests::Values& changes = {}) {
  Parameters p = tests::device("JumpTable", changes);
  (void)p.text("type");
  JumpTable result(p);
  p.finish();
  return result;
}

double probability(double xi) { return std::erfc(-xi / std::sqrt(2)) / 2; }

double interpolated(const std::vector<double>& values, double at) {
  const double place = std::clamp(at, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const std::size_t i = std::min(static_cast<std::size_t>(place), values.size() - 2);
  return values[i] + (place - static_cast<double>(i)) * (values[i + 1] - values[i]);
}

// The quantile function of the table itself.
double quantile(const Rows& rows, double u, double p) {
  std::vector<double> here;
  for (const auto& row : rows) here.push_back(interpolated(row, p));
  return interpolated(here, u);
}

const Rows up_rows = {{0.5, 1, 3}, {0, 1, 2}, {-0.5, 0.2, 1}};
const Rows down_rows = {{-1, -0.5, 0, 2}, {0, 0.5, 1, 4}};

TEST(JumpTable, DrawsQuantilesOfItsRows) {
  const auto table = model();
  const tests::Nominal device{.up = 0.012F, .down = 0.008F, .w_max = 0.5F, .w_min = -0.7F};
  for (const double w : {-0.7, -0.5, -0.1, 0.0, 0.3, 0.5}) {
    const double u = (w + 0.7) / 1.2;
    for (const double xi : {-7.0, -6.25, -2.1, -0.3, 0.0, 0.7, 3.3, 6.25, 7.0}) {
      const double p = std::fabs(xi) >= 6.25 ? (xi > 0 ? 1 : 0) : probability(xi);
      // Rounded off within a column of the places where the quantiles have a kink.
      const double blunt = 0.25 * 11 / 256 * 0.4 * 6;
      EXPECT_NEAR(tests::pulse(table, device, w, true, xi), w + 0.012 * quantile(up_rows, u, p), 0.012 * blunt);
      EXPECT_NEAR(tests::pulse(table, device, w, false, xi), w - 0.008 * quantile(down_rows, u, p), 0.008 * blunt);
    }
  }
}

// Where the engine keeps a value, it is that of the table.
TEST(JumpTable, IsExactAtItsColumns) {
  const auto table = model();
  const tests::Nominal device{.up = 0.5F, .down = 0.5F};
  for (int j = 1; j < 292; ++j) {
    const double xi = -6.25 + 12.5 * j / 292;
    EXPECT_NEAR(tests::pulse(table, device, 0.0, true, xi), 0.5 * quantile(up_rows, 0.5, probability(xi)), 3e-6);
    EXPECT_NEAR(tests::pulse(table, device, 0.0, false, xi), -0.5 * quantile(down_rows, 0.5, probability(xi)), 3e-6);
  }
}

// The distribution of the jumps of many gaussians, against that of the table (Kolmogorov and Smirnov's distance).
TEST(JumpTable, HasTheDistributionOfItsTable) {
  const auto table = model();
  const tests::Nominal device{.up = 1.0F, .down = 1.0F, .w_max = 4.0F, .w_min = -4.0F};
  const auto lanes = tests::lanes_of(table, device);
  for (const float w : {-2.0F, 0.0F, 1.0F}) {
    std::vector<double> jumps;
    for (std::uint32_t draw = 0; draw < 2000; ++draw) {
      const auto xi = random::Stream(random::Key::from(5), random::Purpose::pulse_noise, 0).gaussians(0, draw);
      for (const F32& gaussian : xi.value) {
        float after[simd::lanes];
        table.step(lanes, F32(w), tests::direction(true))(U32(1U))(gaussian).store(after);
        for (const float value : after) jumps.push_back(static_cast<double>(value) - static_cast<double>(w));
      }
    }
    std::sort(jumps.begin(), jumps.end());
    const double count = static_cast<double>(jumps.size());
    const double u = (static_cast<double>(w) + 4) / 8;
    double distance = 0;
    for (std::size_t i = 0; i < jumps.size(); i += 64) {
      // The distribution function by bisection of the quantiles.
      double low = 0;
      double high = 1;
      for (int k = 0; k < 40; ++k) {
        const double middle = (low + high) / 2;
        (quantile(up_rows, u, middle) < jumps[i] ? low : high) = middle;
      }
      distance = std::fmax(distance, std::fabs(low - static_cast<double>(i) / count));
    }
    // Five sigma of the distance of a sample, and what the columns blunt.
    EXPECT_LT(distance, 2.7 / std::sqrt(count) + 0.003) << w;
  }
}

TEST(JumpTable, HasTheGranularityOfItsMeanJumpAtZero) {
  const auto table = model({{"up_down", 0.25}, {"w_max", 0.4}, {"w_min", -0.8}});
  // The mean of what is linear between equally probable quantiles.
  const auto mean = [](const std::vector<double>& row) {
    double sum = 0;
    for (std::size_t k = 0; k + 1 < row.size(); ++k) sum += (row[k] + row[k + 1]) / 2;
    return sum / static_cast<double>(row.size() - 1);
  };
  const double u = 0.8 / 1.2;
  const double up = mean(up_rows[1]) + (2 * u - 1) * (mean(up_rows[2]) - mean(up_rows[1]));
  const double down = mean(down_rows[0]) + u * (mean(down_rows[1]) - mean(down_rows[0]));
  EXPECT_NEAR(table.granularity(), 0.005 * (up + 0.75 * down), 0.005 * 2e-4);
}

TEST(JumpTable, StandsStillWithoutPulsesAndWhereItsBoundsMeet) {
  const tests::Nominal device;
  const auto table = model();
  const auto lanes = tests::lanes_of(table, device);
  EXPECT_EQ(tests::first_lane(table.step(lanes, F32(0.2F), tests::direction(true))(U32(0U))(F32(1.0F))), 0.2F);
  const tests::Nominal stuck{.up = 0, .down = 0, .w_max = 0.25F, .w_min = 0.25F};
  for (const bool up : {true, false}) EXPECT_EQ(tests::pulse(table, stuck, 0.25, up, 2), 0.25);
}

TEST(JumpTable, RefusesWhatIsNoTable) {
  const auto refused = [](const Rows& rows, const std::string& why) {
    for (const char* name : {"up", "down"}) {
      tests::expect_contains(tests::error_of([&] { (void)model({{name, tests::jump_rows(rows)}}); }),
                             std::string(name) + " must have " + why);
    }
  };
  refused({{0, 1}}, "2 to 256 rows");
  refused(Rows(257, {0, 1}), "2 to 256 rows");
  refused({{0, 1}, {0}}, "2 to 1024 quantiles");
  refused({{0, 1}, {0, 1, 0.5}}, "quantiles that do not decrease");
  refused({{0, 1}, {0, 1e7}}, "quantiles in");
  tests::expect_contains(tests::error_of([] { (void)model({{"dw_min_ctoc", 0.3}}); }), "dw_min_ctoc must be 0");
}

}  // namespace
}  // namespace mho::device
