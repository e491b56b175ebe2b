// The update kernel of every device model against a plain loop over crosspoints, samples and pulses. The loop shares
// nothing with the kernel but the trains (which have tests of their own) and the generator.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mho/parallel.h"
#include "pulse/lines.h"
#include "support.h"

namespace mho::pulse {
namespace {

using tests::Model;
using tests::Values;

constexpr std::uint64_t key = 0x0123456789ABCDEFULL;

double number(Parameters& p, const std::string& name) { return p.number(name); }

// What one crosspoint is.
struct Crosspoint {
  double weight, visible;
  double up, down, w_max, w_min;
  double extra_up, extra_down;  // slopes or exponents, where the model has some
  double reference;             // where it has one
  double count;                 // where it has one
};

// A function that is linear between values at even distances from 0 to 1.
double interpolated(const std::vector<double>& values, double at) {
  const double place = std::clamp(at, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const std::size_t i = std::min(static_cast<std::size_t>(place), values.size() - 2);
  return values[i] + (place - static_cast<double>(i)) * (values[i + 1] - values[i]);
}

// The jumps of each row of a table, at 293 even distances of the gaussian from -6.25 to 6.25.
std::vector<std::vector<double>> jumps(std::vector<Parameters>& rows) {
  std::vector<std::vector<double>> result;
  for (Parameters& row : rows) {
    const auto quantiles = row.numbers("quantiles");
    auto& values = result.emplace_back();
    for (int j = 0; j <= 292; ++j) {
      const double p = std::erfc((6.25 - 12.5 * j / 292) / std::sqrt(2)) / 2;
      values.push_back(interpolated(quantiles, j == 0 ? 0 : j == 292 ? 1 : p));
    }
  }
  return result;
}

// One pulse of a crosspoint before the bounds, from the formulas of the literature.
std::function<double(Crosspoint&, bool, double)> step_of(const Model& model) {
  Parameters p = tests::device(model.type, model.changes);
  const double sigma = number(p, "dw_min_ctoc");
  if (model.type == "ConstantStep") {
    return [sigma](const Crosspoint& c, bool up, double xi) { return (up ? c.up : -c.down) * (1 + sigma * xi); };
  }
  if (model.type == "ExpStep") {
    const double a_up = number(p, "A_up"), a_down = number(p, "A_down");
    const double gamma_up = number(p, "gamma_up"), gamma_down = number(p, "gamma_down");
    const double a = number(p, "a"), b = number(p, "b");
    const double add = number(p, "dw_min_ctoc_add"), slope = number(p, "dw_min_ctoc_slope");
    return [=](const Crosspoint& c, bool up, double xi) {
      const double z = 2 * a * c.weight / (c.w_max - c.w_min) + b;
      const double mean = up ? c.up * std::fmax(1 - a_up * std::exp(gamma_up * z), 0.0)
                             : -c.down * std::fmax(1 - a_down * std::exp(-gamma_down * z), 0.0);
      if (add > 0 || slope > 0) return mean + sigma * (std::fabs(mean) + add + slope * std::fabs(c.weight)) * xi;
      return mean * (1 + sigma * xi);
    };
  }
  if (model.type == "PowStep" || model.type == "PowStepReference") {
    return [=](const Crosspoint& c, bool up, double xi) {
      const double range = c.w_max - c.w_min;
      const double mean = up ? c.up * std::pow((c.w_max - c.weight) / range, c.extra_up)
                             : -c.down * std::pow((c.weight - c.w_min) / range, c.extra_down);
      return mean * (1 + sigma * xi);
    };
  }
  const auto place = [](const Crosspoint& c) {
    return c.w_max > c.w_min ? (c.weight - c.w_min) / (c.w_max - c.w_min) : 0;
  };
  if (model.type == "PiecewiseStep") {
    const auto nodes_up = p.numbers("nodes_up"), nodes_down = p.numbers("nodes_down");
    return [=](const Crosspoint& c, bool up, double xi) {
      const double q = interpolated(up ? nodes_up : nodes_down, place(c));
      return (up ? c.up : -c.down) * q * (1 + sigma * xi);
    };
  }
  if (model.type == "JumpTable") {
    const auto rows_up = jumps(p.sections("up")), rows_down = jumps(p.sections("down"));
    return [=](const Crosspoint& c, bool up, double xi) {
      std::vector<double> at_xi;
      for (const auto& row : up ? rows_up : rows_down) at_xi.push_back(interpolated(row, (xi + 6.25) / 12.5));
      return (up ? c.up : -c.down) * interpolated(at_xi, place(c));
    };
  }
  if (model.type == "HiddenStep") {
    const double states = number(p, "hidden_states");
    return [=](Crosspoint& c, bool up, double xi) {
      c.count += up ? c.extra_up : -c.extra_down;
      if (std::fabs(c.count) < states * (1 - 1e-5)) return 0.0;
      c.count = 0;
      return states * (up ? c.up : -c.down) * (1 + sigma * xi);
    };
  }
  const bool multiplicative = p.flag("mult_noise");
  const bool soft = model.type == "SoftBounds" || model.type == "SoftBoundsReference";
  return [=](const Crosspoint& c, bool up, double xi) {
    const double step = up ? c.up : -c.down;
    double mean;
    if (soft) {
      const double bound = (up ? c.w_max : c.w_min) + c.reference;
      mean = std::fabs(bound) > 1e-30 ? step * (1 - (c.weight + c.reference) / bound) : step;
    } else {
      mean = step + (up ? c.extra_up : c.extra_down) * c.weight;
    }
    return multiplicative ? mean * (1 + sigma * xi) : mean + step * sigma * xi;
  };
}

// An array of the loop: rows of crosspoints.
std::vector<Crosspoint> crosspoints_of(array::Array& a) {
  const bool noisy = a.crosspoints().has_plane("persistent_weight");
  const auto weight = tests::plane(a, noisy ? "persistent_weight" : "weight");
  const auto visible = tests::plane(a, "weight");
  const auto up = tests::plane(a, "dw_min_up"), down = tests::plane(a, "dw_min_down");
  const auto w_max = tests::plane(a, "w_max"), w_min = tests::plane(a, "w_min");
  const auto extra = [&](const std::string& direction) {
    for (const std::string& name : {"slope_" + direction, "gamma_" + direction, "hidden_" + direction}) {
      if (a.crosspoints().has_plane(name)) return tests::plane(a, name);
    }
    return std::vector<float>(weight.size());
  };
  const auto extra_up = extra("up"), extra_down = extra("down");
  const bool referred = a.crosspoints().has_plane("reference");
  const auto reference = referred ? tests::plane(a, "reference") : std::vector<float>(weight.size());
  const bool counting = a.crosspoints().has_plane("hidden_count");
  const auto count = counting ? tests::plane(a, "hidden_count") : std::vector<float>(weight.size());
  std::vector<Crosspoint> result;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    result.push_back({weight[i], visible[i], up[i], down[i], w_max[i], w_min[i], extra_up[i], extra_down[i],
                      reference[i], count[i]});
  }
  return result;
}

std::array<double, 8> gaussians_of_element(random::Purpose purpose, std::uint64_t step, std::size_t element,
                                           std::size_t draw) {
  return tests::table_gaussians_of(tests::words_of<random::philox_pulse_rounds>(
      key, static_cast<std::uint16_t>(purpose), step, static_cast<std::uint32_t>(element),
      static_cast<std::uint32_t>(draw)));
}

std::array<double, 8> gaussians(random::Purpose purpose, std::uint64_t step, std::size_t i, std::size_t j,
                                std::size_t stride, std::size_t draw) {
  return gaussians_of_element(purpose, step, i / 4 * stride + j, draw);
}

// The gaussian of pulse k of crosspoint (i, j). Four neighbours in a column share draws: that of the first pulses with
// the neighbouring sample too, later ones not with each other.
double pulse_gaussian(std::uint64_t step, std::size_t i, std::size_t j, std::size_t stride, std::size_t k) {
  if (k == 0) return gaussians(random::Purpose::pulse_noise, step / 2, i, j, stride, 0)[4 * (step % 2) + i % 4];
  return gaussians(random::Purpose::pulse_noise, step, i, j, stride, 1 + i % 4 + 4 * ((k - 1) / 8))[(k - 1) % 8];
}

// That of the first pulse where a quarter of the rows pulse or fewer: eight of these share a draw.
double numbered_gaussian(std::uint64_t step, std::size_t number, std::size_t j, std::size_t stride) {
  const std::size_t element = (std::size_t{1} << 31) + (step % 2 << 30) + number / 8 * stride + j;
  return gaussians_of_element(random::Purpose::pulse_noise, step / 2, element, 0)[number % 8];
}

double write_gaussian(std::uint64_t step, std::size_t i, std::size_t j, std::size_t stride) {
  return gaussians(random::Purpose::write_noise, step, i, j, stride, 0)[i % 4];
}

struct Problem {
  array::Shape shape;
  std::vector<float> x, d;
  std::size_t samples;
  double lr;
};

Problem problem_of(std::size_t out, std::size_t in, std::size_t samples, double lr = 0.1) {
  return {{out, in, 1},
          tests::random_values(in * samples, 21, 1.0F, 0.2),
          tests::random_values(out * samples, 22, 1.0F, 0.2),
          samples,
          lr};
}

void pulse(array::Array& a, const Problem& p, const UpdateParameters& update, Threads threads = 1) {
  a.pulse({p.x.data(), p.samples, p.shape.in_features, false}, {p.d.data(), p.samples, p.shape.out_features, false},
          p.lr, update, threads);
}

// Every pulse of every sample in order. Returns the number of pulses.
PulseCount plain_loop(std::vector<Crosspoint>& crosspoints, const Problem& p, const Model& model,
                      const UpdateParameters& update, double granularity, std::uint64_t first_step) {
  const auto step = step_of(model);
  Parameters device = tests::device(model.type, model.changes);
  const double write_noise = number(device, "write_noise_std") * number(device, "dw_min");
  PulseCount fired;
  for (std::size_t s = 0; s < p.samples; ++s) {
    Trains trains;
    trains.resize(p.shape.in_features, p.shape.out_features, 1, update);
    trains.make(0, p.x.data() + s * p.shape.in_features, p.d.data() + s * p.shape.out_features, p.lr, granularity,
                update, random::Key::from(key), first_step + s);
    trains.finish();
    const tests::Lines lines = tests::lines_of(trains, p.shape.in_features, p.shape.out_features, 0);
    const auto pulses = [](const tests::Line& line) { return line.slots != 0; };
    const auto pulsing = static_cast<std::size_t>(std::ranges::count_if(lines.d, pulses));
    const bool numbered = trains.slots() && 4 * pulsing <= p.shape.out_features;
    for (std::size_t i = 0; i < p.shape.out_features; ++i) {
      const auto number = static_cast<std::size_t>(
          std::count_if(lines.d.begin(), lines.d.begin() + static_cast<std::ptrdiff_t>(i), pulses));
      for (std::size_t j = 0; j < p.shape.in_features; ++j) {
        Crosspoint& c = crosspoints[i * p.shape.in_features + j];
        const int n = tests::coincidences(lines.x[j], lines.d[i], trains.divisor(0));
        const bool up = lines.x[j].negative != lines.d[i].negative;
        (up ? fired.up : fired.down) += static_cast<std::uint64_t>(n);
        for (int k = 0; k < n; ++k) {
          const std::size_t stride = round_up(p.shape.in_features, 16);
          const double xi = numbered && k == 0
                                ? numbered_gaussian(first_step + s, number, j, stride)
                                : pulse_gaussian(first_step + s, i, j, stride, static_cast<std::size_t>(k));
          c.weight = std::fmax(std::fmin(c.weight + step(c, up, xi), c.w_max), c.w_min);
        }
        if (n > 0) {
          const double xi = write_gaussian(first_step + s, i, j, round_up(p.shape.in_features, 16));
          c.visible = c.weight + write_noise * xi;
        }
      }
    }
  }
  return fired;
}

void expect_padding_at_rest(array::Array& a) {
  const array::Shape& shape = a.shape();
  const float* seen = a.crosspoints().visible(0);
  for (std::size_t i = 0; i < shape.stride(); ++i) {
    for (std::size_t j = 0; j < shape.padded_inputs(); ++j) {
      if (i < shape.out_features && j < shape.in_features) continue;
      ASSERT_EQ(seen[shape.place(i, j)], 0.0F) << i << ", " << j;
    }
  }
}

class Kernel : public testing::TestWithParam<Model> {
 protected:
  std::unique_ptr<array::Array> make(const array::Shape& shape, Values changes = {}) const {
    for (const auto& [name, value] : GetParam().changes) changes.emplace(name, value);
    return tests::make_array(tests::device(GetParam().type, changes), shape, {key});
  }

  // The same update by the kernel and by the loop.
  void compare(const Problem& p, Values settings, std::uint64_t first_step = 0) const {
    settings["pulse_by_pulse"] = true;
    const UpdateParameters update = tests::update_parameters(settings);
    const auto a = make(p.shape);
    const auto start = tests::random_values(p.shape.out_features * p.shape.in_features, 23, 0.4F);
    (void)a->crosspoints().set_weight(start.data(), false);
    array::Steps steps;
    steps.update = first_step;
    a->set_steps(steps);
    auto crosspoints = crosspoints_of(*a);
    const PulseCount fired = plain_loop(crosspoints, p, GetParam(), update, a->crosspoints().granularity(), first_step);
    ASSERT_GT(fired.up + fired.down, 0U);
    pulse(*a, p, update);
    const auto after = crosspoints_of(*a);
    // Rounding: some hundred pulses of floats next to the doubles of the loop. A step is 0.01.
    for (std::size_t i = 0; i < after.size(); ++i) {
      ASSERT_NEAR(after[i].weight, crosspoints[i].weight, 1e-5) << "crosspoint " << i;
      ASSERT_NEAR(after[i].visible, crosspoints[i].visible, 1.2e-5) << "crosspoint " << i;
    }
    EXPECT_EQ(tests::pulses_of(*a).up, fired.up);
    EXPECT_EQ(tests::pulses_of(*a).down, fired.down);
    EXPECT_EQ(a->steps().update, first_step + p.samples);
    expect_padding_at_rest(*a);
  }
};

TEST_P(Kernel, IsAPlainLoopForManyShapes) {
  compare(problem_of(1, 1, 3), {});
  compare(problem_of(3, 5, 9), {});
  compare(problem_of(4, 16, 20), {});
  compare(problem_of(5, 17, 20), {});
  compare(problem_of(37, 50, 10), {});
}

TEST_P(Kernel, IsAPlainLoopBeyondAChunkOfSamples) { compare(problem_of(5, 17, 131, 0.02), {}); }

TEST_P(Kernel, IsAPlainLoopForEveryTypeOfPulse) {
  compare(problem_of(6, 20, 10), {{"pulse_type", "mean_count"}});
  compare(problem_of(6, 20, 10), {{"pulse_type", "deterministic_implicit"}, {"x_res_implicit", 0.05}});
  compare(problem_of(6, 20, 10), {{"bl", 64.0}, {"update_bl_management", false}});
  compare(problem_of(6, 20, 10), {{"bl", 1.0}});
  compare(problem_of(6, 20, 10), {{"update_bl_management", false}, {"update_management", false}});
}

// A few coincidences on the whole array, and one now and then.
TEST_P(Kernel, IsAPlainLoopForFewPulses) {
  compare(problem_of(37, 50, 70, 0.001), {});
  compare(problem_of(37, 50, 70, 0.0001), {});
  compare(problem_of(18, 90, 70, 0.001), {{"bl", 64.0}, {"update_bl_management", false}});
  compare(problem_of(5, 17, 70, 0.001), {}, (std::uint64_t{1} << 32) - 33);
}

// The samples in which only one row in `of` has an error.
Problem problem_of_few_rows(std::size_t out, std::size_t in, std::size_t samples, std::size_t of, double lr) {
  Problem p = problem_of(out, in, samples, lr);
  for (std::size_t i = 0; i < p.d.size(); ++i) {
    if (i % out % of != i / out % of) p.d[i] = 0;
  }
  return p;
}

// Of these each crosspoint has many or few, so that either kernel moves them.
TEST_P(Kernel, IsAPlainLoopWhereFewRowsPulse) {
  for (const double lr : {0.5, 0.002}) {
    compare(problem_of_few_rows(53, 22, 8, 6, lr), {});
    compare(problem_of_few_rows(40, 9, 8, 4, lr), {{"bl", 64.0}, {"update_bl_management", false}});
  }
  compare(problem_of_few_rows(53, 22, 9, 6, 0.5), {}, (std::uint64_t{1} << 32) - 3);
  // Some samples have more than a quarter, some fewer.
  compare(problem_of_few_rows(37, 22, 70, 3, 0.05), {});
}

// Steps run beyond 32 bits: within one call, and far beyond.
TEST_P(Kernel, IsAPlainLoopAcrossTheWordsOfAStep) {
  compare(problem_of(5, 17, 10), {}, (std::uint64_t{1} << 32) - 3);
  compare(problem_of(5, 17, 10), {}, (std::uint64_t{5} << 32) - 1);
  compare(problem_of(5, 17, 10), {}, (std::uint64_t{1} << 47) + 12345);
}

// Pulses one at a time, several at once, and where samples differ in how many rows pulse.
TEST_P(Kernel, TakesSamplesTogetherOrOneByOne) {
  for (const int trial : {0, 1, 2}) {
    const UpdateParameters update = tests::update_parameters({{"pulse_by_pulse", trial == 1}});
    const Problem all = trial < 2 ? problem_of(18, 40, 70, 0.05) : problem_of_few_rows(18, 40, 70, 3, 0.05);
    const auto together = make(all.shape);
    const auto halves = make(all.shape);
    const auto one_by_one = make(all.shape);
    array::Steps steps;
    steps.update = (std::uint64_t{1} << 32) - 20;  // where chunks end at other samples
    for (const auto* a : {&together, &halves, &one_by_one}) (*a)->set_steps(steps);
    const auto part = [&](std::size_t first, std::size_t count) {
      Problem p = all;
      p.x.assign(all.x.begin() + static_cast<std::ptrdiff_t>(first * 40),
                 all.x.begin() + static_cast<std::ptrdiff_t>((first + count) * 40));
      p.d.assign(all.d.begin() + static_cast<std::ptrdiff_t>(first * 18),
                 all.d.begin() + static_cast<std::ptrdiff_t>((first + count) * 18));
      p.samples = count;
      return p;
    };
    pulse(*together, all, update);
    pulse(*halves, part(0, 35), update);
    pulse(*halves, part(35, 35), update);
    for (std::size_t s = 0; s < all.samples; ++s) pulse(*one_by_one, part(s, 1), update);
    EXPECT_TRUE(tests::state_of(*together) == tests::state_of(*halves));
    EXPECT_TRUE(tests::state_of(*together) == tests::state_of(*one_by_one));
  }
}

TEST_P(Kernel, IsTheSameForEveryNumberOfThreads) {
  const Problem p = problem_of(70, 200, 66, 0.02);
  const UpdateParameters update = tests::update_parameters();
  const auto serial = make(p.shape);
  pulse(*serial, p, update, 1);
  for (const int threads : {2, 4, 7}) {
    const auto parallel = make(p.shape);
    pulse(*parallel, p, update, {threads, true});
    EXPECT_TRUE(tests::state_of(*serial) == tests::state_of(*parallel)) << threads << " threads";
  }
}

// Without noise from pulse to pulse, several pulses in one step are off by 0.2 % of the step at most. One by one they
// round a weight below 1/2 up to 31 times.
TEST_P(Kernel, TakesSeveralPulsesAtOnceWithinTheAllowedError) {
  const auto all = make({24, 48, 1}, {{"dw_min_ctoc", 0.0}, {"write_noise_std", 0.0}, {"dw_min", 0.002}});
  const auto single = make({24, 48, 1}, {{"dw_min_ctoc", 0.0}, {"write_noise_std", 0.0}, {"dw_min", 0.002}});
  const auto start = tests::random_values(24 * 48, 23, 0.3F);
  for (std::uint32_t trial = 0; trial < 10; ++trial) {
    Problem p = problem_of(24, 48, 1, 0.05);
    p.x = tests::random_values(48, 100 + trial);
    p.d = tests::random_values(24, 200 + trial);
    (void)all->crosspoints().set_weight(start.data(), false);
    (void)single->crosspoints().set_weight(start.data(), false);
    const auto before = tests::plane(*single, "weight");
    pulse(*all, p, tests::update_parameters());
    pulse(*single, p, tests::update_parameters({{"pulse_by_pulse", true}}));
    const auto together = tests::plane(*all, "weight");
    const auto exact = tests::plane(*single, "weight");
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double step = std::fabs(static_cast<double>(exact[i]) - static_cast<double>(before[i]));
      ASSERT_NEAR(together[i], exact[i], 0.002 * step + 31 * 0x1p-26) << "crosspoint " << i;
    }
    EXPECT_EQ(tests::pulses_of(*all).up, tests::pulses_of(*single).up);
    EXPECT_EQ(tests::pulses_of(*all).down, tests::pulses_of(*single).down);
  }
}

TEST_P(Kernel, StaysInsideOfTheBounds) {
  Values coarse = {{"dw_min", 0.05}};
  if (GetParam().type != "JumpTable") coarse["dw_min_ctoc"] = 2.0;
  const auto a = make({20, 33, 1}, coarse);
  const std::vector<float> x(33 * 64, 1.0F);
  std::vector<float> d(20 * 64, 1.0F);
  const bool noisy = a->crosspoints().has_plane("persistent_weight");
  for (const float sign : {1.0F, -1.0F}) {
    std::fill(d.begin(), d.end(), sign);
    a->pulse({x.data(), 64, 33, false}, {d.data(), 64, 20, false}, 1.0, tests::update_parameters(), 1);
    const auto weight = tests::plane(*a, noisy ? "persistent_weight" : "weight");
    const auto upper = tests::plane(*a, "w_max");
    const auto lower = tests::plane(*a, "w_min");
    for (std::size_t i = 0; i < weight.size(); ++i) {
      ASSERT_GE(weight[i], lower[i]);
      ASSERT_LE(weight[i], upper[i]);
    }
    expect_padding_at_rest(*a);
  }
}

TEST_P(Kernel, LeavesTheArrayAloneWithoutPulses) {
  const auto a = make({5, 17, 1});
  const tests::State before = tests::state_of(*a);
  Problem p = problem_of(5, 17, 4);
  const UpdateParameters update = tests::update_parameters();
  p.lr = 0;
  pulse(*a, p, update);
  p.lr = 0.1;
  std::fill(p.x.begin(), p.x.end(), 0.0F);
  pulse(*a, p, update);
  p = problem_of(5, 17, 4);
  std::fill(p.d.begin(), p.d.end(), -0.0F);
  pulse(*a, p, update);
  const tests::State after = tests::state_of(*a);
  EXPECT_EQ(after.planes, before.planes);
  EXPECT_EQ(after.counters, before.counters);
  EXPECT_EQ(after.step, 12U);
}

INSTANTIATE_TEST_SUITE_P(Models, Kernel, testing::ValuesIn(tests::pulsed_models()), tests::model_name);

}  // namespace
}  // namespace mho::pulse
