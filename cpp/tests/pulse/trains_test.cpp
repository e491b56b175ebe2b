#include "mho/pulse/trains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <vector>

#include "pulse/lines.h"
#include "support.h"

namespace mho::pulse {
namespace {

using tests::Lines;
using tests::lines_of;
using tests::update_parameters;

constexpr std::uint64_t line_key = 0x0F1E2D3C4B5A6978ULL;

// Trains without any management: the probability of a line is gain |value|, gain = sqrt(lr / (granularity bl)).
tests::Values unmanaged(double bl) {
  return {{"update_management", false}, {"update_bl_management", false}, {"bl", bl}};
}

Trains trains_of(const std::vector<float>& x, const std::vector<float>& d, double lr, double granularity,
                 const UpdateParameters& parameters, std::uint64_t step = 0) {
  Trains trains;
  trains.resize(x.size(), d.size(), 1, parameters);
  trains.make(0, x.data(), d.data(), lr, granularity, parameters, random::Key::from(line_key), step);
  trains.finish();
  return trains;
}

// The slots in which a line of probability p pulses: those whose uniform number is below p. Of more than eight slots
// its bit k is bit `slot` of random word k; of fewer it is a word, and with one or two slots sixteen lines and the next
// sixteen, or three times sixteen, share the four words of a draw.
std::uint64_t reference_slots(float p, int bl, random::Purpose purpose, std::uint64_t step, std::uint32_t line) {
  const auto word = [&](std::uint32_t element, int number) {
    const auto words = tests::words_of<random::philox_pulse_rounds>(line_key, static_cast<std::uint16_t>(purpose), step,
                                                                    element, static_cast<std::uint32_t>(number / 4));
    return words[static_cast<std::size_t>(number % 4)];
  };
  std::uint64_t slots = 0;
  for (int slot = 0; slot < bl; ++slot) {
    std::uint64_t u = 0;
    if (bl <= 8) {
      const auto together = static_cast<std::uint32_t>(std::max(1, 4 / bl));
      const std::uint32_t group = line / 16;
      const std::uint32_t place = group % together;
      u = word((group - place) * 16 + line % 16, static_cast<int>(place) * bl + slot);
    } else {
      for (int k = 0; k < 32; ++k) u = u << 1 | (word(line, 32 * (slot / 32) + k) >> (slot % 32) & 1U);
    }
    if (static_cast<double>(u) < static_cast<double>(p) * 0x1p32) slots |= std::uint64_t{1} << slot;
  }
  return slots;
}

class BitLength : public testing::TestWithParam<int> {};

TEST_P(BitLength, NeverPulsesWithoutAndAlwaysWithCertainty) {
  const int bl = GetParam();
  const std::uint64_t all = bl == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bl) - 1;
  const UpdateParameters parameters = update_parameters(unmanaged(bl));
  std::vector<float> x(37, 1.0F);
  std::vector<float> d(9, -2.0F);
  for (std::size_t i = 0; i < x.size(); i += 3) x[i] = 0;
  // A gain of 1: p = 1, 0 for x and more than 1 for d.
  const Trains trains = trains_of(x, d, 0.001 * bl, 0.001, parameters);
  const Lines lines = lines_of(trains, x.size(), d.size(), 0);
  for (std::size_t j = 0; j < x.size(); ++j) EXPECT_EQ(lines.x[j].slots, j % 3 == 0 ? 0 : all);
  for (const auto& line : lines.d) {
    EXPECT_EQ(line.slots, all);
    EXPECT_TRUE(line.negative);
  }
  const PulseCount count = trains.count();
  EXPECT_EQ(count.up, static_cast<std::uint64_t>(24 * 9 * bl));
  EXPECT_EQ(count.down, 0U);
}

TEST_P(BitLength, KeepsPulsesInsideOfTheTrain) {
  const int bl = GetParam();
  const UpdateParameters parameters = update_parameters(unmanaged(bl));
  const auto x = tests::random_values(64, 1);
  const Trains trains = trains_of(x, x, 0.001 * bl, 0.001, parameters);
  const Lines lines = lines_of(trains, x.size(), x.size(), 0);
  for (const auto* side : {&lines.x, &lines.d}) {
    for (const auto& line : *side) {
      if (bl < 64) {
        EXPECT_EQ(line.slots >> bl, 0U);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Slots, BitLength, testing::Values(1, 2, 7, 31, 32, 33, 40, 63, 64));

TEST(Trains, AreExactBernoulliTrials) {
  for (const double bl : {1.0, 2.0, 3.0, 5.0, 8.0, 9.0, 31.0, 64.0}) {
    const UpdateParameters parameters = update_parameters(unmanaged(bl));
    auto x = tests::random_values(90, 2);
    auto d = tests::random_values(21, 3, 0.01F);
    // Dyadic probabilities, and ones at the ends.
    const float special[] = {0.5F, 0.25F, 0.75F, 0x1p-32F, 1.0F, 1.0F - 0x1p-24F, 0x1p-31F, 0x1p-20F};
    std::copy(std::begin(special), std::end(special), x.begin());
    const double lr = 0.001 * bl;  // a gain of 1
    for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{77}, (std::uint64_t{1} << 40) + 5}) {
      const Lines lines = lines_of(trains_of(x, d, lr, 0.001, parameters, step), x.size(), d.size(), 0);
      for (std::uint32_t j = 0; j < x.size(); ++j) {
        const float p = std::fabs(x[j]);
        ASSERT_EQ(lines.x[j].slots, reference_slots(p, static_cast<int>(bl), random::Purpose::train_x, step, j))
            << "p " << p << ", bl " << bl << ", step " << step;
        ASSERT_EQ(lines.x[j].negative, std::signbit(x[j]));
      }
      for (std::uint32_t i = 0; i < d.size(); ++i) {
        const float p = std::fabs(d[i]);
        ASSERT_EQ(lines.d[i].slots, reference_slots(p, static_cast<int>(bl), random::Purpose::train_d, step, i));
      }
    }
  }
}

TEST(Trains, PulseAsOftenAsTheirProbability) {
  const UpdateParameters parameters = update_parameters(unmanaged(64));
  const std::vector<float> x(16, 0.3F);
  const std::vector<float> d(4, 0.125F);
  double x_pulses = 0;
  double d_pulses = 0;
  constexpr int steps = 400;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const Lines lines = lines_of(trains_of(x, d, 0.064, 0.001, parameters, step), 16, 4, 0);
    for (const auto& line : lines.x) x_pulses += std::popcount(line.slots);
    for (const auto& line : lines.d) d_pulses += std::popcount(line.slots);
  }
  const double x_trials = 64.0 * 16 * steps;
  const double d_trials = 64.0 * 4 * steps;
  const double p = 0.3F;
  EXPECT_NEAR(x_pulses / x_trials, p, 5 * std::sqrt(p * (1 - p) / x_trials));
  EXPECT_NEAR(d_pulses / d_trials, 0.125, 5 * std::sqrt(0.125 * 0.875 / d_trials));
}

TEST(Trains, AreRoundedToTheirResolution) {
  tests::Values changes = unmanaged(64);
  changes["res"] = 0.25;
  const std::vector<float> x{0.1F, 0.12F, 0.13F, 0.3F, 0.4F, 0.9F};
  const float rounded[] = {0, 0, 0.25F, 0.25F, 0.5F, 1};
  const Lines lines = lines_of(trains_of(x, x, 0.064, 0.001, update_parameters(changes)), x.size(), x.size(), 0);
  for (std::uint32_t j = 0; j < x.size(); ++j) {
    EXPECT_EQ(lines.x[j].slots, reference_slots(rounded[j], 64, random::Purpose::train_x, 0, j)) << x[j];
  }
}

// Stochastic rounding to a grid keeps the mean.
TEST(Trains, MayBeRoundedStochastically) {
  tests::Values changes = unmanaged(64);
  changes["res"] = 0.25;
  changes["sto_round"] = true;
  const UpdateParameters parameters = update_parameters(changes);
  const std::vector<float> x(64, 0.35F);
  double pulses = 0;
  constexpr int steps = 100;
  for (std::uint64_t step = 0; step < steps; ++step) {
    for (const auto& line : lines_of(trains_of(x, x, 0.064, 0.001, parameters, step), 64, 64, 0).x) {
      pulses += std::popcount(line.slots);
    }
  }
  // 0.25 with probability 0.6, 0.5 with 0.4: of 64 slots 22.4, with the variance of the trials and of the rounding.
  const double lines = 64.0 * steps;
  const double variance = 64 * (0.6 * 0.25 * 0.75 + 0.4 * 0.25) + 64 * 64 * 0.25 * 0.25 * 0.24;
  EXPECT_NEAR(pulses / lines, 64 * 0.35, 5 * std::sqrt(variance / lines));
}

TEST(Trains, OfMeanCountsHoldThem) {
  tests::Values changes = unmanaged(31);
  changes["pulse_type"] = "mean_count";
  const auto x = tests::random_values(40, 4, 1.2F);
  const auto d = tests::random_values(10, 5);
  const Trains trains = trains_of(x, d, 0.031, 0.001, update_parameters(changes));
  const Lines lines = lines_of(trains, x.size(), d.size(), 0);
  EXPECT_EQ(trains.divisor(0), 31.0F);
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double p = std::fmin(static_cast<double>(std::fabs(x[j])), 1.0);
    EXPECT_NEAR(lines.x[j].level, std::nearbyint(31 * p), 1e-6);
  }
}

TEST(Trains, OfImplicitPulsesHoldRoundedValues) {
  tests::Values changes = unmanaged(31);
  changes["pulse_type"] = "deterministic_implicit";
  changes["x_res_implicit"] = 0.1;
  changes["d_res_implicit"] = 0.05;
  const auto x = tests::random_values(40, 4, 1.2F);
  const auto d = tests::random_values(10, 5);
  const Trains trains = trains_of(x, d, 0.031, 0.001, update_parameters(changes));
  const Lines lines = lines_of(trains, x.size(), d.size(), 0);
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double q = 0.1 * std::nearbyint(static_cast<double>(std::fabs(x[j])) / 0.1);
    EXPECT_NEAR(lines.x[j].level, std::fmin(q, 1.0), 1e-6);
  }
  // The length of the train goes with d.
  for (std::size_t i = 0; i < d.size(); ++i) {
    const double q = 0.05 * std::nearbyint(static_cast<double>(std::fabs(d[i])) / 0.05);
    EXPECT_NEAR(lines.d[i].level, 31 * std::fmin(q, 1.0), 1e-5);
  }
}

struct Counted {
  tests::Values changes;
  const char* name;
};

void PrintTo(const Counted& counted, std::ostream* out) { *out << counted.name; }

class TrainCount : public testing::TestWithParam<Counted> {};

// The count from the lines alone is that over all crosspoints.
TEST_P(TrainCount, IsThatOfAllCrosspoints) {
  const UpdateParameters parameters = update_parameters(GetParam().changes);
  for (const auto& [in, out] : std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {16, 4}, {17, 5}, {50, 33}}) {
    constexpr std::size_t samples = 5;
    const auto x = tests::random_values(in * samples, 6, 1.0F, 0.2);
    const auto d = tests::random_values(out * samples, 7, 1.0F, 0.2);
    Trains trains;
    trains.resize(in, out, samples, parameters);
    for (std::size_t s = 0; s < samples; ++s) {
      trains.make(s, x.data() + s * in, d.data() + s * out, 0.01, 0.001, parameters, random::Key::from(line_key), s);
    }
    trains.finish();
    std::uint64_t up = 0;
    std::uint64_t down = 0;
    for (std::size_t s = 0; s < samples; ++s) {
      const Lines lines = lines_of(trains, in, out, s);
      for (const auto& d_line : lines.d) {
        for (const auto& x_line : lines.x) {
          const int n = tests::coincidences(x_line, d_line, trains.divisor(s));
          // A descent: equal signs lower the weight.
          (x_line.negative != d_line.negative ? up : down) += static_cast<std::uint64_t>(n);
        }
      }
      // A set of active samples names at least those with a pulse.
      for (std::size_t j = 0; j < in; ++j) {
        const bool pulses = lines.x[j].slots != 0 || lines.x[j].level != 0;
        if (pulses) {
          EXPECT_NE(trains.x_active(j) >> s & 1U, 0U);
        }
      }
      for (std::size_t i = 0; i < out; ++i) {
        const bool pulses = lines.d[i].slots != 0 || lines.d[i].level != 0;
        if (pulses) {
          EXPECT_NE(trains.d_active(i / 16) >> s & 1U, 0U);
        }
      }
    }
    const PulseCount count = trains.count();
    EXPECT_EQ(count.up, up) << in << " x " << out;
    EXPECT_EQ(count.down, down) << in << " x " << out;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, TrainCount,
    testing::Values(Counted{{}, "Managed"}, Counted{{{"bl", 64.0}, {"update_bl_management", false}}, "Long"},
                    Counted{{{"pulse_type", "mean_count"}}, "MeanCount"},
                    Counted{{{"pulse_type", "deterministic_implicit"}}, "Implicit"},
                    Counted{{{"pulse_type", "deterministic_implicit"}, {"x_res_implicit", 0.1}}, "ImplicitRounded"}),
    [](const auto& info) { return info.param.name; });

TEST(Trains, DependOnTheirStepAlone) {
  const UpdateParameters parameters = update_parameters();
  const auto x = tests::random_values(40 * 3, 8);
  const auto d = tests::random_values(10 * 3, 9);
  Trains together;
  together.resize(40, 10, 3, parameters);
  for (const std::size_t s : {2UL, 0UL, 1UL}) {
    together.make(s, x.data() + s * 40, d.data() + s * 10, 0.01, 0.001, parameters, random::Key::from(line_key),
                  100 + s);
  }
  together.finish();
  for (std::size_t s = 0; s < 3; ++s) {
    const std::vector<float> xs(x.begin() + static_cast<std::ptrdiff_t>(s * 40),
                                x.begin() + static_cast<std::ptrdiff_t>(s * 40 + 40));
    const std::vector<float> ds(d.begin() + static_cast<std::ptrdiff_t>(s * 10),
                                d.begin() + static_cast<std::ptrdiff_t>(s * 10 + 10));
    const Lines alone = lines_of(trains_of(xs, ds, 0.01, 0.001, parameters, 100 + s), 40, 10, 0);
    const Lines shared = lines_of(together, 40, 10, s);
    for (std::size_t j = 0; j < 40; ++j) EXPECT_EQ(alone.x[j].slots, shared.x[j].slots);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(alone.d[i].slots, shared.d[i].slots);
  }
}

// One line in four is few, one more is not.
TEST(Trains, NumberLinesWhereFewPulse) {
  const std::vector<float> x(3, 1.0F);
  for (const std::size_t few : {10U, 11U}) {
    std::vector<float> d(40, 0.0F);
    for (std::size_t i = 0; i < few; ++i) d[3 * i] = 1.0F;
    Trains trains = trains_of(x, d, 1.0, 0.001, update_parameters(unmanaged(31)));
    ASSERT_EQ(trains.numbered(), few == 10 ? 1U : 0U);
    if (few != 10) continue;
    trains.number_lines();
    std::uint32_t number = 0;
    for (std::size_t g = 0; g < 3; ++g) {
      EXPECT_EQ(trains.number_of_first(g, 0), number);
      for (std::size_t line = 16 * g; line < 16 * g + 16; ++line) {
        const bool pulses = line % 3 == 0 && line < 30;
        EXPECT_EQ((trains.d_pulsing(g, 0) >> line % 16 & 1) != 0, pulses);
        number += pulses ? 1 : 0;
      }
    }
  }
  EXPECT_EQ(
      trains_of(x, {1.0F, 0.0F, 0.0F, 0.0F}, 1.0, 0.001, update_parameters({{"pulse_type", "mean_count"}})).numbered(),
      0U);
}

}  // namespace
}  // namespace mho::pulse
