#include "mho/tile/tile.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "support.h"

namespace mho::tile {
namespace {

using tests::error_of;
using tests::expect_contains;

Configuration configuration(const std::string& type = "SoftBounds", const tests::Values& forward_io = {}) {
  return {tests::device(type), Parameters("rule", {{"type", "SGD"}}), tests::update(), tests::io(forward_io),
          tests::io({{"is_perfect", true}})};
}

TEST(Tile, HasAPeripheryForEachDirection) {
  // The forward direction is clipped, the backward one is not.
  Tile tile(2, 3, {1}, configuration("Ideal", {{"out_bound", 1.0}}), 1);
  const float w[] = {1, 2, 3, 4, 5, 6};
  (void)tile.main().crosspoints().set_weight(w, false);
  const float x[] = {1, 1, -4};
  const float d[] = {1, 1};
  float y[2];
  float g[3];
  tile.forward({x, 1, 3, false}, y, true, false, 1);
  tile.backward({d, 1, 2, false}, g, true, false, 1);
  EXPECT_EQ(y[0], -1.0F);
  EXPECT_EQ(y[1], -1.0F);
  EXPECT_EQ(g[0], 5.0F);
  EXPECT_EQ(g[1], 7.0F);
  EXPECT_EQ(g[2], 9.0F);
}

TEST(Tile, RefusesALearningRateWithoutMeaning) {
  Tile tile(2, 3, {1}, configuration(), 1);
  const tests::State before = tests::state_of(tile.main());
  const float x[] = {1, 1, 1};
  const float d[] = {1, 1};
  for (const double lr : {-0.1, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    expect_contains(error_of([&] { tile.update({x, 1, 3, false}, {d, 1, 2, false}, lr, 1); }), "lr must be >= 0");
    EXPECT_TRUE(tests::state_of(tile.main()) == before);
  }
  tile.update({x, 1, 3, false}, {d, 1, 2, false}, 0.1, 1);
  EXPECT_FALSE(tests::state_of(tile.main()) == before);
}

TEST(Tile, ChecksEverySectionOfItsConfiguration) {
  const auto build = [](auto&& change) {
    Configuration c = configuration();
    change(c);
    (void)Tile(2, 3, {1}, std::move(c), 1);
  };
  expect_contains(error_of([&] { build([](auto& c) { c.device = tests::device("SoftBounds", {{"dw_min", -1.0}}); }); }),
                  "device.dw_min");
  expect_contains(error_of([&] { build([](auto& c) { c.update = tests::update({{"bl", 0.0}}); }); }), "update.bl");
  expect_contains(error_of([&] { build([](auto& c) { c.forward_io = tests::io({{"out_noise", -1.0}}); }); }),
                  "io.out_noise");
  expect_contains(error_of([&] { build([](auto& c) { c.backward_io = tests::io({{"inp_res", 3.0}}); }); }),
                  "io.inp_res");
  expect_contains(error_of([&] { build([](auto& c) { c.rule = Parameters("rule", {{"type", "None"}}); }); }),
                  "rule.type");
}

// Forward, backward and update in turn, as in a training: the same bits on any number of threads.
TEST(Tile, TrainsTheSameOnAnyThreads) {
  constexpr std::size_t out = 100, in = 150, samples = 32;
  const auto x = tests::random_values(samples * in, 81);
  const auto d = tests::random_values(samples * out, 82);
  const auto train = [&](Threads threads) {
    Tile tile(out, in, {7}, configuration("SoftBounds", tests::default_io()), threads);
    std::vector<float> results(samples * (out + in));
    for (int i = 0; i < 3; ++i) {
      tile.forward({x.data(), samples, in, false}, results.data(), true, false, threads);
      tile.backward({d.data(), samples, out, false}, results.data() + samples * out, true, false, threads);
      tile.update({x.data(), samples, in, false}, {d.data(), samples, out, false}, 0.02, threads);
    }
    tests::State state = tests::state_of(tile.main());
    state.planes.push_back(results);
    return state;
  };
  const tests::State serial = train(1);
  for (const int threads : {2, 4, 7}) EXPECT_TRUE(train({threads, true}) == serial) << threads;
}

}  // namespace
}  // namespace mho::tile
