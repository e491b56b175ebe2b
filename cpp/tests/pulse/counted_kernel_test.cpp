#include "mho/pulse/counted_kernel.h"

#include <gtest/gtest.h>

#include <vector>

#include "support.h"

namespace mho::pulse {
namespace {

using tests::device;
using tests::error_of;
using tests::expect_contains;
using tests::make_array;
using tests::plane;
using tests::pulses_of;
using tests::state_of;

class EveryModelByCount : public testing::TestWithParam<tests::Model> {};

// n pulses by number are the n pulses of a sample with the same step and key, to the bit.
TEST_P(EveryModelByCount, IsWhatTrainsOfThatManyPulsesDo) {
  constexpr std::size_t out = 6, in = 20;
  const std::uint64_t key = 77;
  for (const bool pulse_by_pulse : {false, true}) {
    for (const int n : {1, 3, 20}) {
      for (const bool up : {false, true}) {
        const auto make = [&] { return make_array(device(GetParam().type, GetParam().changes), {out, in, 1}, {key}); };
        const auto by_trains = make();
        const std::vector<float> x(in, 1.0F);
        const std::vector<float> d(out, up ? -1.0F : 1.0F);
        const auto update = tests::update_parameters({{"bl", static_cast<double>(n)},
                                                      {"update_management", false},
                                                      {"update_bl_management", false},
                                                      {"pulse_by_pulse", pulse_by_pulse}});
        by_trains->pulse({x.data(), 1, in, false}, {d.data(), 1, out, false},
                         n * by_trains->crosspoints().granularity(), update, 1);
        const auto by_count = make();
        std::vector<float> counts(by_count->shape().plane());
        for (std::size_t i = 0; i < out; ++i) {
          for (std::size_t j = 0; j < in; ++j) {
            counts[by_count->shape().place(i, j)] = static_cast<float>(up ? n : -n);
          }
        }
        by_count->crosspoints().pulse_by_count(0, {.counts = counts.data(),
                                                   .noise = random::Key::from(key),
                                                   .step = 0,
                                                   .pulse_by_pulse = pulse_by_pulse,
                                                   .threads = {2, true}});
        for (const std::string& name : by_count->crosspoints().plane_names()) {
          EXPECT_EQ(plane(*by_trains, name), plane(*by_count, name)) << name << n;
        }
        EXPECT_EQ(pulses_of(*by_count).up, pulses_of(*by_trains).up);
        EXPECT_EQ(pulses_of(*by_count).down, pulses_of(*by_trains).down);
        EXPECT_EQ(pulses_of(*by_count).up + pulses_of(*by_count).down, out * in * static_cast<std::size_t>(n));
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(CountedKernel, EveryModelByCount, testing::ValuesIn(tests::pulsed_models()),
                         tests::model_name);

TEST(CountedKernel, LeavesDevicesWithoutPulses) {
  const auto a = make_array(device("SoftBounds", {{"write_noise_std", 2.0}}), {3, 17, 1});
  const auto before = state_of(*a);
  std::vector<float> counts(a->shape().plane());
  a->crosspoints().pulse_by_count(0, {.counts = counts.data(), .noise = {}, .step = 0});
  EXPECT_TRUE(before == state_of(*a));
  counts[a->shape().place(1, 2)] = 4;
  a->crosspoints().pulse_by_count(0, {.counts = counts.data(), .noise = {}, .step = 0});
  const auto w = plane(*a, "persistent_weight");
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(w[i] != 0.0F, i == 17 + 2) << i;
}

TEST(CountedKernel, PutsChosenDevicesToRest) {
  const auto a = make_array(device("SoftBounds", {{"write_noise_std", 2.0}, {"stuck_prob", 0.3}}), {3, 17, 1});
  const auto rest = plane(*a, "weight");
  const std::vector<float> w(3 * 17, 0.2F);
  (void)a->crosspoints().set_weight(w.data(), false);
  const auto set = plane(*a, "weight");
  const std::size_t places[] = {0, a->shape().place(1, 1)};
  a->crosspoints().put_to_rest(0, places);
  const auto found = plane(*a, "weight");
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], i == 0 || i == 18 ? rest[i] : set[i]) << i;
}

TEST(CountedKernel, IsOfDevicesOnly) {
  const auto a = make_array(device("Ideal"), {1, 1, 1});
  expect_contains(error_of([&] { a->crosspoints().pulse_by_count(0, {.counts = nullptr, .noise = {}, .step = 0}); }),
                  "no numbers of pulses");
}

}  // namespace
}  // namespace mho::pulse
