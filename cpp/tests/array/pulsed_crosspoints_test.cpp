#include "mho/array/pulsed_crosspoints.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support.h"

namespace mho::array {
namespace {

using tests::device;
using tests::make_array;
using tests::plane;

class AllPulsedCrosspoints : public testing::TestWithParam<tests::Model> {
 protected:
  std::unique_ptr<Array> make(const Shape& shape, const std::vector<std::uint64_t>& keys, Threads threads = 1) const {
    return make_array(device(GetParam().type, GetParam().changes), shape, keys, {}, threads);
  }
};

TEST_P(AllPulsedCrosspoints, AreBuiltTheSameOnAnyThreads) {
  const auto serial = make({70, 40, 3}, {1, 2, 3});
  for (const int threads : {2, 4, 7}) {
    EXPECT_TRUE(tests::state_of(*serial) == tests::state_of(*make({70, 40, 3}, {1, 2, 3}, {threads, true}))) << threads;
  }
  EXPECT_FALSE(tests::state_of(*serial) == tests::state_of(*make({70, 40, 3}, {1, 2, 4})));
}

// Instance k is the single array with its key, whatever the others are and how many threads work on them.
TEST_P(AllPulsedCrosspoints, HaveInstancesThatAreSingleArrays) {
  constexpr std::size_t out = 6, in = 20, samples = 5, n = 3;
  const std::vector<std::uint64_t> keys{11, 12, 13};
  const auto x = tests::random_values(n * samples * in, 61, 1.0F, 0.3);
  const auto d = tests::random_values(n * samples * out, 62, 1.0F, 0.3);
  const auto update = tests::update_parameters();
  for (const bool own : {false, true}) {
    for (const int threads : {1, 2, 7}) {
      const auto together = make({out, in, n}, keys, {threads, true});
      together->pulse({x.data(), samples, in, own}, {d.data(), samples, out, own}, 0.1, update, {threads, true});
      for (std::size_t k = 0; k < n; ++k) {
        const auto single = make({out, in, 1}, {keys[k]});
        const std::size_t offset = own ? k * samples : 0;
        single->pulse({x.data() + offset * in, samples, in, false}, {d.data() + offset * out, samples, out, false}, 0.1,
                      update, 1);
        for (const std::string& name : single->crosspoints().plane_names()) {
          const auto all = plane(*together, name);
          const std::vector<float> mine(all.begin() + static_cast<std::ptrdiff_t>(k * out * in),
                                        all.begin() + static_cast<std::ptrdiff_t>((k + 1) * out * in));
          EXPECT_EQ(mine, plane(*single, name)) << name << " of instance " << k;
        }
        EXPECT_EQ(tests::pulses_of(*together, k).up, tests::pulses_of(*single).up);
        EXPECT_EQ(tests::pulses_of(*together, k).down, tests::pulses_of(*single).down);
      }
    }
  }
}

TEST_P(AllPulsedCrosspoints, AreUnchangedByAnUpdateThatFails) {
  const auto a = make({5, 17, 1}, {1});
  const auto x = tests::random_values(3 * 17, 63);
  const auto d = tests::random_values(3 * 5, 64);
  const tests::State before = tests::state_of(*a);
  const auto update = tests::update_parameters(
      {{"fixed_bl", false}, {"update_bl_management", false}, {"update_management", false}, {"bl", 10.0}});
  const std::string message =
      tests::error_of([&] { a->pulse({x.data(), 3, 17, false}, {d.data(), 3, 5, false}, 100.0, update, 1); });
  tests::expect_contains(message, "at most 64");
  EXPECT_TRUE(tests::state_of(*a) == before);
}

// Sparse or dense, mixed within one batch: each sample does the same to the devices as on its own.
TEST_P(AllPulsedCrosspoints, DoNotLookAtTheOtherSamplesOfABatch) {
  constexpr std::size_t out = 40, in = 100, samples = 64;
  auto x = tests::random_values(samples * in, 65);
  auto d = tests::random_values(samples * out, 66);
  for (std::size_t s = 0; s < samples; ++s) {
    // From one line in fifty to all of them.
    for (std::size_t j = 0; j < in; ++j) {
      if ((j * 7 + s) % 50 >= 1 + s % 50) x[s * in + j] = 0;
    }
    for (std::size_t i = 0; i < out; ++i) {
      if ((i * 3 + s) % 20 >= 1 + s % 20) d[s * out + i] = 0;
    }
  }
  for (const double bl : {31.0, 64.0}) {
    for (const double lr : {0.002, 0.05}) {
      const auto update = tests::update_parameters({{"bl", bl}});
      const auto together = make({out, in, 1}, {1});
      const auto one_by_one = make({out, in, 1}, {1});
      together->pulse({x.data(), samples, in, false}, {d.data(), samples, out, false}, lr, update, 2);
      for (std::size_t s = 0; s < samples; ++s) {
        one_by_one->pulse({x.data() + s * in, 1, in, false}, {d.data() + s * out, 1, out, false}, lr, update, 1);
      }
      EXPECT_TRUE(tests::state_of(*together) == tests::state_of(*one_by_one)) << "bl " << bl << ", lr " << lr;
    }
  }
}

// The trains of some samples, as an array makes them.
struct TrainsOf {
  static constexpr std::size_t out = 40, in = 100, samples = 64;
  pulse::Trains trains;
  explicit TrainsOf(double lr) {
    const auto x = tests::random_values(samples * in, 67, 1.0F, 0.5);
    const auto d = tests::random_values(samples * out, 68, 1.0F, 0.5);
    const auto update = tests::update_parameters();
    trains.resize(in, out, samples, update);
    for (std::size_t s = 0; s < samples; ++s) {
      trains.make(s, x.data() + s * in, d.data() + s * out, lr, 0.01, update, random::Key::from(1), s);
    }
    trains.finish();
  }
};

// Some samples first and the others later are all of them at once, and each is counted once.
TEST_P(AllPulsedCrosspoints, TakeTheSamplesThatTheyAreAskedTo) {
  for (const double lr : {0.002, 0.05}) {
    TrainsOf problem(lr);
    const auto whole = make({TrainsOf::out, TrainsOf::in, 1}, {1});
    const auto parts = make({TrainsOf::out, TrainsOf::in, 1}, {1});
    const auto pulse = [&](Array& a, std::uint64_t samples) {
      a.crosspoints().pulse(
          0, {.trains = problem.trains, .noise = random::Key::from(9), .first_step = 0, .samples = samples});
    };
    pulse(*whole, ~std::uint64_t{0});
    pulse(*parts, 0x00000000FFFFFFFFULL);
    pulse(*parts, 0xFFFFFFFF00000000ULL);
    EXPECT_TRUE(tests::state_of(*whole) == tests::state_of(*parts)) << lr;
  }
}

// Whatever happens to an array, and whenever its lines are looked at: that reads are of lines changes no bit of it.
TEST_P(AllPulsedCrosspoints, ShowLinesAsTheyShowAll) {
  constexpr std::size_t out = 21, in = 70, most = 40;
  const std::vector<Parameters> drift{tests::merged("device.retention",
                                                    {{"lifetime_dtod", 0.0},
                                                     {"diffusion", 0.01},
                                                     {"diffusion_dtod", 0.0},
                                                     {"drift_nu_dtod", 0.0},
                                                     {"drift_nu_ctoc", 0.0},
                                                     {"drift_t0", 1.0}},
                                                    {{"drift_nu", 0.1}})};
  const std::vector<tests::Values> variants{{}, {{"endurance", 30.0}}, {{"states", 32.0}, {"retention", drift}}};
  for (const tests::Values& variant : variants) {
    tests::Values changes = GetParam().changes;
    changes["write_noise_std"] = 2.0;
    changes.insert(variant.begin(), variant.end());
    const auto of_all = make_array(device(GetParam().type, changes), {out, in, 1});
    const auto of_lines = make_array(device(GetParam().type, changes), {out, in, 1});
    of_lines->crosspoints().expect_reads_of_lines();
    Array* const both[] = {of_all.get(), of_lines.get()};
    std::vector<std::uint8_t> chosen(out * in);
    for (std::size_t i = 0; i < chosen.size(); i += 7) chosen[i] = 1;
    const std::vector<float> w = tests::random_values(out * in, 71, 0.1F);
    std::vector<float> counts = tests::random_values(out * in, 72, 3.0F);
    for (float& count : counts) count = std::rint(count);

    for (std::uint32_t turn = 0; turn < 16; ++turn) {
      const std::size_t samples = turn % 3 == 0 ? 1 : most;
      const double lr = turn % 2 == 0 ? 0.05 : 0.002;
      const auto x = tests::random_values(samples * in, 73 + turn, 1.0F, 0.5);
      const auto d = tests::random_values(samples * out, 173 + turn, 1.0F, 0.3);
      const std::size_t column = turn * 11 % in;
      const std::size_t row = turn * 5 % out;
      std::vector<float> seen[2];
      for (std::size_t a = 0; a < 2; ++a) {
        Steps steps = both[a]->steps();
        // Marks hold 31 bits of a step: beyond them, to the end of them, and to the end of half a step's words.
        if (turn == 5) steps.update = (std::uint64_t{1} << 31) - 3;
        if (turn == 7) steps.update = (std::uint64_t{1} << 32) - 1;
        if (turn == 9) steps.update = (std::uint64_t{5} << 40) + 17;
        both[a]->set_steps(steps);
        seen[a].assign(4 * 128, 0.0F);
        float* const values = seen[a].data();
        const LineSnapshot looks[] = {{pulse::Snapshot::Line::row, &row, 0, values},
                                      {pulse::Snapshot::Line::column, &column, samples / 2, values + 128},
                                      {pulse::Snapshot::Line::row, &row, samples / 2, values + 256},
                                      {pulse::Snapshot::Line::column, &column, samples - 1, values + 384}};
        both[a]->pulse({x.data(), samples, in, false}, {d.data(), samples, out, false}, Rates{&lr},
                       tests::update_parameters(), {2, true}, looks);
        Crosspoints& devices = both[a]->crosspoints();
        const std::size_t places[] = {3, 40, 41};
        if (turn == 3) both[a]->pulse_by_count(counts.data(), false, false, 1);
        if (turn == 6) both[a]->reset({chosen.data(), false}, 1);
        if (turn == 8) devices.reset_places(0, places, random::Key::from(5));
        if (turn == 10) devices.put_to_rest(0, places);
        if (turn == 12) both[a]->elapse(100.0, 1);
        if (turn == 13) devices.stick({chosen.data(), false});
        if (turn == 14) (void)devices.set_weight(w.data(), false);
      }
      ASSERT_EQ(seen[0], seen[1]) << turn;
      if (turn % 4 == 3) {
        ASSERT_TRUE(tests::state_of(*of_all) == tests::state_of(*of_lines)) << turn;
      }
    }
    ASSERT_TRUE(tests::state_of(*of_all) == tests::state_of(*of_lines));
  }
}

// A one-sided pair shares the pulses of a device for both directions out among its two, and all of them go up.
TEST(PulsedCrosspoints, TakeOneDirectionWhereTheyAreOneSided) {
  tests::Values changes = tests::no_spread();
  changes["dw_min"] = 0.001;
  changes["w_max"] = 10.0;
  changes["w_min"] = -10.0;
  for (const double lr : {0.002, 0.05}) {
    TrainsOf problem(lr);
    const auto moved = [&](pulse::Directions directions, pulse::PulseCount& fired) {
      const auto a = make_array(device("ConstantStep", changes), {TrainsOf::out, TrainsOf::in, 1});
      a->crosspoints().pulse(
          0, {.trains = problem.trains, .noise = random::Key::from(9), .first_step = 0, .directions = directions});
      fired = tests::pulses_of(*a);
      return plane(*a, "weight");
    };
    pulse::PulseCount both;
    pulse::PulseCount up;
    pulse::PulseCount down;
    const auto w = moved(pulse::Directions::both, both);
    const auto plus = moved(pulse::Directions::up_only, up);
    const auto minus = moved(pulse::Directions::down_as_up, down);
    EXPECT_EQ(up.up, both.up);
    EXPECT_EQ(down.up, both.down);
    EXPECT_EQ(up.down + down.down, 0U);
    EXPECT_GT(both.up, 0U);
    EXPECT_GT(both.down, 0U);
    for (std::size_t i = 0; i < w.size(); ++i) {
      ASSERT_GE(plus[i], 0.0F);
      ASSERT_GE(minus[i], 0.0F);
      ASSERT_NEAR(plus[i] - minus[i], w[i], 1e-4) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, AllPulsedCrosspoints, testing::ValuesIn(tests::pulsed_models()), tests::model_name);

TEST(PulsedCrosspoints, StartsAtRest) {
  const auto a = make_array(device("SoftBounds"), {5, 17, 1});
  EXPECT_EQ(plane(*a, "weight"), std::vector<float>(5 * 17, 0.0F));
}

// An update lowers the weights where x and d have equal signs.
TEST(PulsedCrosspoints, Descends) {
  const auto a = make_array(device("ConstantStep", tests::no_spread()), {1, 2, 1});
  const float x[] = {1, -1};
  const float d[] = {1};
  a->pulse({x, 1, 2, false}, {d, 1, 1, false}, 0.05, tests::update_parameters(), 1);
  const auto w = plane(*a, "weight");
  EXPECT_NEAR(w[0], -0.05, 1e-6);
  EXPECT_NEAR(w[1], 0.05, 1e-6);
  EXPECT_EQ(tests::pulses_of(*a).up, 5U);
  EXPECT_EQ(tests::pulses_of(*a).down, 5U);
}

TEST(PulsedCrosspoints, RedrawsWriteNoiseWhereItPulses) {
  tests::Values changes = tests::no_spread();
  changes["write_noise_std"] = 2.0;
  const auto a = make_array(device("ConstantStep", changes), {40, 100, 1});
  std::vector<float> x(100, 1.0F);
  for (std::size_t j = 0; j < 50; ++j) x[j] = 0;
  const std::vector<float> d(40, 1.0F);
  a->pulse({x.data(), 1, 100, false}, {d.data(), 1, 40, false}, 0.05, tests::update_parameters(), 1);
  const auto persistent = plane(*a, "persistent_weight");
  const auto visible = plane(*a, "weight");
  double square = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    for (std::size_t j = 0; j < 100; ++j) {
      const double added = static_cast<double>(visible[i * 100 + j]) - static_cast<double>(persistent[i * 100 + j]);
      if (j < 50) {
        ASSERT_EQ(added, 0);
      } else {
        square += added * added;
      }
    }
  }
  // 0.02 squared, to five standard errors of a variance.
  EXPECT_NEAR(square / 2000, 0.0004, 5 * 0.0004 * std::sqrt(2.0 / 2000));
}

TEST(PulsedCrosspoints, MayBeGivenItsGranularity) {
  EXPECT_DOUBLE_EQ(make_array(device("ConstantStep", {{"granularity", 0.25}}), {1, 1, 1})->crosspoints().granularity(),
                   0.25);
  EXPECT_DOUBLE_EQ(make_array(device("ConstantStep"), {1, 1, 1})->crosspoints().granularity(), 0.01);
}

}  // namespace
}  // namespace mho::array
