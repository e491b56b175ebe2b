// Decay, drift and diffusion of an array against the closed forms, device by device.
#include "mho/retention/retention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "mho/tile/tile.h"
#include "support.h"

namespace mho::array {
namespace {

using tests::device;
using tests::error_of;
using tests::expect_contains;
using tests::make_array;
using tests::plane;
using tests::Values;

Parameters section(const Values& changes) {
  return tests::merged("device.retention",
                       {{"lifetime_dtod", 0.0},
                        {"diffusion", 0.0},
                        {"diffusion_dtod", 0.0},
                        {"drift_nu", 0.0},
                        {"drift_nu_dtod", 0.0},
                        {"drift_nu_ctoc", 0.0},
                        {"drift_t0", 1.0}},
                       changes);
}

// A device whose bounds are wide and that forgets as asked for.
Parameters forgetful(const Values& law, const Values& changes = {}) {
  Values values = tests::no_spread();
  values["w_max"] = 100.0;
  values["w_min"] = -100.0;
  values["retention"] = std::vector<Parameters>{section(law)};
  for (const auto& [name, value] : changes) values[name] = value;
  return device("ConstantStep", values);
}

constexpr Shape shape{6, 21, 1};
constexpr std::size_t devices = 6 * 21;

TEST(Retention, KeepsOnlyTheArraysInWhichDevicesDiffer) {
  const auto names = [](const Values& law) { return retention::Retention(section(law)).plane_names(); };
  EXPECT_TRUE(names({{"lifetime", 1.0}, {"diffusion", 1.0}}).empty());
  EXPECT_EQ(names({{"drift_nu", 0.1}}).size(), 1U);
  EXPECT_EQ(names({{"lifetime", 1.0},
                   {"lifetime_dtod", 0.1},
                   {"diffusion", 0.1},
                   {"diffusion_dtod", 0.1},
                   {"drift_nu", 0.1},
                   {"drift_nu_dtod", 0.1}})
                .size(),
            retention::Retention::most_planes);
}

TEST(Retention, RefusesWhatMakesNoSense) {
  const auto message = [](const Values& law) { return error_of([&] { retention::Retention r(section(law)); }); };
  expect_contains(message({{"lifetime", -1.0}}), "device.retention.lifetime must be in");
  expect_contains(message({{"diffusion", -1.0}}), "device.retention.diffusion must be in");
  expect_contains(message({{"drift_t0", 0.0}}), "device.retention.drift_t0 must be in");
  expect_contains(message({{"half_life", 1.0}}), "device.retention has no parameter half_life");
}

// Over times and weights of all magnitudes, where differences of nearly equal numbers would lose all digits.
TEST(Retention, FollowsItsLawsAtAllTimes) {
  for (const double seconds : {1e-9, 1e-3, 0.4, 0.6, 3.0, 1e3, 1e9}) {
    for (const double lifetime : {1e-6, 1.0, 1e4, 1e12}) {
      for (const double nu : {0.0, 0.05, 2.0}) {
        const auto a = make_array(forgetful({{"lifetime", lifetime}, {"drift_nu", nu}}, {{"reset", 0.25}}), shape);
        std::vector<float> start = tests::random_values(devices, 1, 50.0F);
        ASSERT_EQ(a->crosspoints().set_weight(start.data(), false), 0U);
        a->elapse(0.5, 1);
        start = plane(*a, "weight");
        a->elapse(seconds, 1);
        const double left = std::exp(-seconds / lifetime) * std::pow(std::fmax(0.5 + seconds, 1.0), -nu);
        const auto w = plane(*a, "weight");
        for (std::size_t i = 0; i < devices; ++i) {
          const double distance = static_cast<double>(start[i]) - 0.25;
          const double change = std::expm1(std::log(std::fmax(left, 1e-300))) * distance;
          EXPECT_NEAR(w[i], static_cast<double>(start[i]) + change,
                      1e-6 * std::fabs(change) + 2.4e-7 * std::fabs(w[i]) + 4e-8)
              << seconds << " s, lifetime " << lifetime << ", nu " << nu;
        }
      }
    }
  }
}

TEST(Retention, DiffusesByTheNoiseOfItsStep) {
  const double rate = 0.3, lifetime = 5.0, seconds = 2.0;
  for (const bool decays : {false, true}) {
    Values law{{"diffusion", rate}};
    if (decays) law["lifetime"] = lifetime;
    const auto a = make_array(forgetful(law), shape);
    std::vector<double> w(devices, 0.0);
    const double left = decays ? std::exp(-seconds / lifetime) : 1.0;
    const double spread = rate * std::sqrt(decays ? lifetime / 2 * (1 - left * left) : seconds);
    for (std::uint64_t step = 0; step < 3; ++step) {
      a->elapse(seconds, 1);
      const auto now = plane(*a, "weight");
      for (std::size_t i = 0; i < shape.out_features; ++i) {
        for (std::size_t j = 0; j < shape.in_features; ++j) {
          const auto element = random::DeviceElements(shape.in_features).of(i, j);
          const auto xi = tests::gaussians_of(
              tests::words_of<random::philox_pulse_rounds>(0x0123456789ABCDEFULL, 0x0020, step, element, 0));
          double& expected = w[i * shape.in_features + j];
          expected = expected * left + spread * xi[i % 4];
          EXPECT_NEAR(now[i * shape.in_features + j], expected, 2e-6);
        }
      }
    }
    EXPECT_EQ(a->steps().elapse, 3U);
  }
}

TEST(Retention, IsTheSameOnAnyThreads) {
  const Values law{
      {"lifetime", 10.0}, {"lifetime_dtod", 0.3}, {"diffusion", 0.1}, {"drift_nu", 0.1}, {"drift_nu_ctoc", 0.3}};
  const Shape large{130, 200, 3};
  const auto make = [&](Threads threads) {
    auto a = make_array(forgetful(law, {{"states", 200.0}, {"reset_dtod", 0.1}, {"endurance", 9.0}}), large, {1, 2, 3});
    const auto x = tests::random_values(4 * 200, 3);
    const auto d = tests::random_values(4 * 130, 4);
    for (int k = 0; k < 3; ++k) {
      a->pulse({x.data(), 4, 200, false}, {d.data(), 4, 130, false}, 0.05, tests::update_parameters(), threads);
      a->elapse(1.5, threads);
      if (k == 1) a->reset({}, threads);
    }
    return a;
  };
  const auto serial = make(1);
  for (const int threads : {2, 4, 7}) {
    EXPECT_TRUE(tests::state_of(*serial) == tests::state_of(*make({threads, true}))) << threads;
  }
}

TEST(Retention, LeavesThePaddingAtZero) {
  const auto a = make_array(
      forgetful({{"lifetime", 1.0}, {"lifetime_dtod", 0.3}, {"diffusion", 1.0}}, {{"reset", 0.5}, {"states", 50.0}}),
      {5, 17, 1});
  a->elapse(1.0, 1);
  a->reset({}, 1);
  a->elapse(1.0, 1);
  const float* seen = a->crosspoints().visible(0);
  for (std::size_t i = 0; i < a->shape().stride(); ++i) {
    for (std::size_t j = 0; j < a->shape().padded_inputs(); ++j) {
      if (i < 5 && j < 17) continue;
      EXPECT_EQ(seen[a->shape().place(i, j)], 0.0F) << i << " " << j;
    }
  }
}

TEST(Retention, IsNotForEveryDevice) {
  for (const char* type : {"Ideal", "SoftBounds"}) {
    const auto a = make_array(device(type), shape);
    const auto before = tests::state_of(*a);
    EXPECT_FALSE(a->crosspoints().ages());
    a->elapse(1e6, 1);
    EXPECT_TRUE(before == tests::state_of(*a));
    EXPECT_EQ(a->steps().elapse, 0U);
  }
}

TEST(Retention, TakesNoTimesThatAreNone) {
  tile::Tile t(2, 2, {1},
               {forgetful({{"lifetime", 1.0}}), Parameters("rule", {{"type", "SGD"}}), tests::update(), tests::io(),
                tests::io()},
               1);
  for (const double seconds : {-1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    expect_contains(error_of([&] { t.elapse(seconds, 1); }), "elapse: seconds must be >= 0");
  }
  t.elapse(0.0, 1);
  EXPECT_EQ(t.main().steps().elapse, 0U);
}

// --- resets, endurance and stuck devices, which are the array's part

TEST(Wear, AResetTakesTheChosenDevices) {
  const auto a = make_array(device("SoftBounds", {{"reset", 0.05}, {"reset_std", 0.0}}), {3, 18, 2}, {1, 2});
  const auto before = plane(*a, "weight");
  const auto w_max = plane(*a, "w_max");
  std::vector<std::uint8_t> mask(2 * 3 * 18);
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 5 == 0;
  a->reset({mask.data(), true}, 1);
  const auto after = plane(*a, "weight");
  for (std::size_t i = 0; i < mask.size(); ++i)
    EXPECT_EQ(after[i], mask[i] != 0 ? std::min(0.05F, w_max[i]) : before[i]);
  EXPECT_EQ(a->steps().reset, 1U);
  a->reset({mask.data(), false}, 1);  // the same for all instances
  const auto both = plane(*a, "weight");
  for (std::size_t i = 0; i < 3 * 18; ++i) {
    if (mask[i] == 0) continue;
    EXPECT_EQ(both[3 * 18 + i], std::min(0.05F, w_max[3 * 18 + i]));
  }
}

TEST(Wear, OneSidedDevicesWearByTheirOwnPulsesOnly) {
  Values values = tests::no_spread();
  values["dw_min"] = 0.015625;
  values["w_max"] = 1000.0;
  values["endurance"] = 4.0;
  const auto x = tests::random_values(40 * 21, 5);
  const auto d = tests::random_values(40 * 6, 6);
  for (const bool sparse : {false, true}) {
    auto inputs = x;
    if (sparse) {
      for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] *= i % 11 == 0 ? 1.0F : 0.0F;
    }
    const auto fired = [&](const Values& changes, pulse::Directions directions) {
      Values all = values;
      for (const auto& [name, value] : changes) all[name] = value;
      const auto a = make_array(device("ConstantStep", all), shape);
      const auto update = tests::update_parameters();
      pulse::Trains trains;
      trains.resize(21, 6, 40, update);
      for (std::size_t s = 0; s < 40; ++s) {
        trains.make(s, inputs.data() + s * 21, d.data() + s * 6, 0.05, 0.015625, update, a->crosspoints().key(0), s);
      }
      trains.finish();
      a->crosspoints().pulse(
          0, {.trains = trains, .noise = a->crosspoints().key(0), .first_step = 0, .directions = directions});
      return plane(*a, "weight");
    };
    const auto limited = fired({}, pulse::Directions::up_only);
    const auto free = fired({{"endurance", 16777216.0}}, pulse::Directions::up_only);
    std::size_t worn = 0;
    for (std::size_t i = 0; i < devices; ++i) {
      EXPECT_EQ(limited[i], std::fmin(free[i], 4 * 0.015625F));
      worn += free[i] > 4 * 0.015625F;
    }
    EXPECT_GT(worn, sparse ? 0 : devices / 10);
  }
}

TEST(Wear, ADeviceIsStuckWhereItIsSeen) {
  const auto a = make_array(device("ExpStep", {{"write_noise_std", 2.0}}), shape);
  const auto x = tests::random_values(21, 5);
  const auto d = tests::random_values(6, 6);
  const auto update = tests::update_parameters();
  a->pulse({x.data(), 1, 21, false}, {d.data(), 1, 6, false}, 0.1, update, 1);
  const auto seen = plane(*a, "weight");
  a->crosspoints().stick({});
  for (const char* name : {"weight", "persistent_weight", "w_max", "w_min"}) EXPECT_EQ(plane(*a, name), seen) << name;
  a->pulse({x.data(), 1, 21, false}, {d.data(), 1, 6, false}, 0.1, update, 1);
  a->reset({}, 1);
  EXPECT_EQ(plane(*a, "persistent_weight"), seen);
  EXPECT_GT(a->crosspoints().set_weight(std::vector<float>(devices, 0.3F).data(), false), devices - 5);
  expect_contains(error_of([] { make_array(device("Ideal"), shape)->crosspoints().stick({}); }), "cannot be stuck");
}

}  // namespace
}  // namespace mho::array
