#include "mho/array/array.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "support.h"

namespace mho::array {
namespace {

using tests::device;
using tests::error_of;
using tests::expect_contains;
using tests::make_array;
using tests::plane;

TEST(Shape, PadsToTheBlocksOfTheKernels) {
  const Shape shape{5, 17, 3};
  EXPECT_EQ(shape.padded_inputs(), 20U);
  EXPECT_EQ(shape.stride(), 16U);
  EXPECT_EQ(shape.plane(), 320U);
  EXPECT_EQ(shape.place(4, 2), 36U);
}

TEST(Array, NeedsASize) {
  for (const Shape& shape : {Shape{0, 1, 1}, Shape{1, 0, 1}, Shape{1, 1, 0}}) {
    expect_contains(error_of([&] { (void)make_array(device("Ideal"), shape, {}); }), "at least one");
  }
  expect_contains(error_of([] { (void)make_array(device("Ideal"), {2, 2, 2}, {1}); }), "one key for each instance");
  expect_contains(error_of([] { (void)make_array(device("Ideal"), {1U << 20, 1U << 20, 1}); }), "counters");
}

TEST(Array, IsReadInBothDirections) {
  const auto a = make_array(device("Ideal"), {3, 2, 1});
  const float w[] = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(a->crosspoints().set_weight(w, false), 0U);
  const float x[] = {1, 10};
  const float d[] = {1, 10, 100};
  float y[3];
  float g[2];
  a->read(periphery::Direction::forward, {x, 1, 2, false}, y, true, false, 1);
  a->read(periphery::Direction::backward, {d, 1, 3, false}, g, true, false, 1);
  EXPECT_EQ(y[0], 21.0F);
  EXPECT_EQ(y[1], 43.0F);
  EXPECT_EQ(y[2], 65.0F);
  EXPECT_EQ(g[0], 531.0F);
  EXPECT_EQ(g[1], 642.0F);
}

// Reads to evaluate have their own steps, so that they change nothing.
TEST(Array, CountsItsReads) {
  const auto a = make_array(device("Ideal"), {3, 2, 1}, {5}, tests::default_io());
  const auto x = tests::random_values(4 * 2, 41);
  const auto d = tests::random_values(4 * 3, 42);
  std::vector<float> y(4 * 3);
  std::vector<float> g(4 * 2);
  a->read(periphery::Direction::forward, {x.data(), 4, 2, false}, y.data(), true, false, 1);
  a->read(periphery::Direction::backward, {d.data(), 2, 3, false}, g.data(), true, false, 1);
  a->read(periphery::Direction::forward, {x.data(), 3, 2, false}, y.data(), true, true, 1);
  a->read(periphery::Direction::backward, {d.data(), 1, 3, false}, g.data(), true, true, 1);
  EXPECT_EQ(a->steps().forward, 4U);
  EXPECT_EQ(a->steps().backward, 2U);
  EXPECT_EQ(a->steps().evaluation_forward, 3U);
  EXPECT_EQ(a->steps().evaluation_backward, 1U);
  EXPECT_EQ(a->steps().update, 0U);
}

TEST(Array, ClipsWeightsToTheBoundsOfEachDevice) {
  const auto a = make_array(device("ConstantStep", {{"stuck_prob", 0.2}}), {20, 30, 1});
  const auto upper = plane(*a, "w_max");
  const auto lower = plane(*a, "w_min");
  const auto wanted = tests::random_values(600, 43, 1.0F);
  const std::size_t unreached = a->crosspoints().set_weight(wanted.data(), false);
  const auto reached = plane(*a, "weight");
  std::size_t expected = 0;
  for (std::size_t i = 0; i < 600; ++i) {
    ASSERT_EQ(reached[i], std::fmax(std::fmin(wanted[i], upper[i]), lower[i]));
    expected += reached[i] != wanted[i] ? 1U : 0U;
  }
  EXPECT_EQ(unreached, expected);
  EXPECT_GT(unreached, 100U);
}

TEST(Array, HasNamedPlanes) {
  const auto a = make_array(device("LinearStep", {{"write_noise_std", 1.0}}), {3, 5, 1});
  const std::vector<std::string> expected{
      "persistent_weight", "weight", "dw_min_up", "dw_min_down", "w_max", "w_min", "slope_up", "slope_down"};
  EXPECT_EQ(a->crosspoints().plane_names(), expected);
  EXPECT_TRUE(a->crosspoints().has_plane("slope_up"));
  EXPECT_FALSE(a->crosspoints().has_plane("slope"));
  float target[15];
  expect_contains(error_of([&] { a->crosspoints().copy_plane("slope", target); }), "no array named slope");
}

// A state moves from one array to another, and both go on with the same bits.
TEST(Array, GoesOnFromAState) {
  const auto parameters = device("SoftBounds", {{"write_noise_std", 1.0}});
  const Shape shape{9, 20, 2};
  const auto a = make_array(parameters, shape, {1, 2});
  const auto b = make_array(parameters, shape, {1, 2});
  const auto update = tests::update_parameters();
  const auto x = tests::random_values(8 * 20, 44);
  const auto d = tests::random_values(8 * 9, 45);
  const auto pulse = [&](Array& array) {
    array.pulse({x.data(), 8, 20, false}, {d.data(), 8, 9, false}, 0.1, update, 1);
  };
  pulse(*a);
  std::vector<std::vector<float>> values;
  std::vector<const float*> pointers;
  for (const std::string& name : a->crosspoints().plane_names()) values.push_back(plane(*a, name));
  for (const auto& v : values) pointers.push_back(v.data());
  b->crosspoints().check_state(pointers);
  b->crosspoints().load_state(pointers);
  b->set_steps(a->steps());
  b->crosspoints().set_counters(a->crosspoints().counters());
  EXPECT_TRUE(tests::state_of(*a) == tests::state_of(*b));
  pulse(*a);
  pulse(*b);
  EXPECT_TRUE(tests::state_of(*a) == tests::state_of(*b));
}

TEST(Array, TakesAStateWholeOrNotAtAll) {
  const auto a = make_array(device("SoftBounds"), {9, 20, 1});
  std::vector<std::vector<float>> values;
  for (const std::string& name : a->crosspoints().plane_names()) values.push_back(plane(*a, name));
  const tests::State before = tests::state_of(*a);
  const auto load = [&] {
    std::vector<const float*> pointers;
    for (const auto& v : values) pointers.push_back(v.data());
    a->crosspoints().check_state(pointers);
  };
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  for (auto& v : values) {
    for (const float b : bad) {
      const float kept = v.back();
      v.back() = b;
      expect_contains(error_of(load), "must be finite");
      EXPECT_TRUE(tests::state_of(*a) == before);
      v.back() = kept;
    }
  }
  values[0][7] = 100;
  expect_contains(error_of(load), "outside of its device's bounds");
  EXPECT_TRUE(tests::state_of(*a) == before);
  values[0][7] = 0;
  const float step = values[1][3];
  values[1][3] = -0.001F;
  expect_contains(error_of(load), "dw_min_up of a state must be >= 0");
  EXPECT_TRUE(tests::state_of(*a) == before);
  values[1][3] = step;
  values.pop_back();
  expect_contains(error_of(load), "every array");
  EXPECT_TRUE(tests::state_of(*a) == before);
}

TEST(Array, KeepsRunningAverages) {
  const auto a = make_array(device("Ideal"), {3, 2, 2}, {1, 2}, {{"noise_management", "average_abs_max"}});
  EXPECT_EQ(a->running_averages(), std::vector<float>(4, 0.0F));
  const std::vector<float> averages{1, 2, 3, 4};
  a->set_running_averages(averages);
  EXPECT_EQ(a->running_averages(), averages);
  const float x[] = {1, 1};
  float y[6];
  a->read(periphery::Direction::forward, {x, 1, 2, false}, y, true, true, 1);
  EXPECT_EQ(a->running_averages(), averages) << "a read to evaluate moved it";
}

TEST(Array, KnowsItsMemory) {
  const auto ideal = make_array(device("Ideal"), {16, 4, 1});
  const auto pulsed = make_array(device("ConstantStep"), {16, 4, 1});
  EXPECT_EQ(ideal->memory_bytes(), 4U * 16 * 4);
  EXPECT_EQ(pulsed->memory_bytes(), 5U * 4 * 16 * 4);
}

TEST(Array, WithoutAPeripheryCannotBeRead) {
  Parameters device = tests::device("Ideal");
  Array array(make_crosspoints(device, {2, 3, 1}, {7}, 1));
  const std::vector<float> x(3, 1.0F);
  const std::vector<float> d(2, -1.0F);
  array.pulse({x.data(), 1, 3, false}, {d.data(), 1, 2, false}, 0.5, tests::update_parameters(), 1);
  EXPECT_EQ(tests::plane(array, "weight"), std::vector<float>(6, 0.5F));
  std::vector<float> y(2);
  EXPECT_EQ(tests::error_of(
                [&] { array.read(periphery::Direction::forward, {x.data(), 1, 3, false}, y.data(), false, false, 1); }),
            "an array without a periphery cannot be read");
  EXPECT_TRUE(array.running_averages().empty());
}

}  // namespace
}  // namespace mho::array
