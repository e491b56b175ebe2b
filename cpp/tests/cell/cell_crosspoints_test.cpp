#include "mho/cell/cell_crosspoints.h"

#include <gtest/gtest.h>

#include "cell/cells.h"
#include "mho/random/key.h"

namespace mho::cell {
namespace {

using namespace tests;

constexpr array::Shape shape{5, 18, 1};

TEST(CellCrosspoints, NamePartsAndTheirArrays) {
  const auto a = make_array(vector_cell({flat(0.1), reference_cell(flat(0.1))}, {1, 1}), shape);
  EXPECT_EQ(a->crosspoints().part_names(),
            (std::vector<std::string>{"device0", "device1", "device1/device", "device1/reference"}));
  EXPECT_EQ(a->crosspoints().plane_names().front(), "weight");
  EXPECT_TRUE(a->crosspoints().has_plane("device1/reference/w_max"));
  const auto state = a->crosspoints().state_names();
  EXPECT_EQ(std::count(state.begin(), state.end(), "weight"), 0);
  EXPECT_EQ(std::count(state.begin(), state.end(), "device1/weight"), 0);
  expect_contains(error_of([&] { (void)plane(*a, "device2/weight"); }), "no array named device2/weight");
}

TEST(CellCrosspoints, HavePartsThatAreDevicesOfTheirOwnKey) {
  const std::uint64_t key = 0x0123456789ABCDEFULL;
  const auto cell = make_array(vector_cell({device("SoftBounds"), device("SoftBounds")}, {1, 1}), shape, {key});
  for (const std::string name : {"device0", "device1"}) {
    const auto single = make_array(device("SoftBounds"), shape, {random::derive_key(key, name)});
    for (const std::string& p : single->crosspoints().plane_names()) {
      EXPECT_EQ(plane(*cell, name + "/" + p), plane(*single, p)) << name << p;
    }
  }
  EXPECT_NE(plane(*cell, "device0/w_max"), plane(*cell, "device1/w_max"));
}

TEST(CellCrosspoints, ShowTheSumOfTheirParts) {
  const auto a =
      make_array(vector_cell({device("SoftBounds"), device("ExpStep", {{"write_noise_std", 2.0}})}, {2, -1}), shape);
  pulse_all(*a, true, 0.1);
  const auto first = plane(*a, "device0/weight");
  const auto second = plane(*a, "device1/weight");
  const auto weight = plane(*a, "weight");
  for (std::size_t i = 0; i < weight.size(); ++i) EXPECT_EQ(weight[i], 2.0F * first[i] + -1.0F * second[i]);
  // In the padded layout of a read, too, with zeros for padding.
  const float* seen = a->crosspoints().visible(0);
  EXPECT_EQ(seen[shape.place(0, 17)], weight[17]);
  EXPECT_EQ(seen[shape.place(5, 17)], 0.0F);
}

TEST(CellCrosspoints, ProgramOnePart) {
  const auto a = make_array(vector_cell({flat(0.1), reference_cell(flat(0.1))}, {1, 0.5}), {1, 2, 1});
  const float w[] = {0.25F, -0.5F};
  EXPECT_EQ(a->crosspoints().set_part("device1/reference", w, false), 0U);
  EXPECT_EQ(plane(*a, "weight"), (std::vector<float>{-0.125F, 0.25F}));
  EXPECT_EQ(plane(*a, "device1/weight"), (std::vector<float>{-0.25F, 0.5F}));
  expect_contains(error_of([&] { (void)a->crosspoints().set_part("reference", w, false); }),
                  "part must be one of a cell's (device0, device1, device1/device, device1/reference), got reference");
  expect_contains(error_of([&] { (void)make_array(flat(0.1), {1, 2, 1})->crosspoints().set_part("x", w, false); }),
                  "this device has none");
}

TEST(CellCrosspoints, RefuseWhatTakesNoPulses) {
  expect_contains(error_of([] { (void)make_array(vector_cell({flat(0.1), device("Ideal")}, {1, 1}), shape); }),
                  "must take pulses, as a part of a cell");
  expect_contains(error_of([] { (void)make_array(vector_cell({device("Some")}, {1}), shape); }),
                  "must be one of Ideal, ConstantStep");
}

// Events are a matter of the array's steps, wherever batches begin and end; of a part of a cell, too.
TEST(CellCrosspoints, DoNotLookAtBatches) {
  Values steep = no_spread();
  steep["w_min"] = 0.0;
  steep["dw_min"] = 0.02;
  const auto pair = one_sided_cell(device("ConstantStep", steep), 0.02,
                                   {{"refresh_every", 3.0}, {"refresh_upper", 0.3}, {"refresh_lower", 0.1}});
  constexpr std::size_t samples = 200;
  const auto x = random_values(samples * shape.in_features, 1);
  const auto d = random_values(samples * shape.out_features, 2);
  for (const auto& parameters : {pair, vector_cell({pair, pair, flat(0.01)}, {1, -1, 1}, "random"),
                                 multi_significance_cell(pair, flat(0.01), {{"transfer_every", 5.0}})}) {
    const auto whole = make_array(parameters, shape);
    whole->pulse({x.data(), samples, 18, false}, {d.data(), samples, 5, false}, 0.05, update_parameters(), 2);
    for (const std::size_t size : {1, 7, 64}) {
      const auto cut = make_array(parameters, shape);
      for (std::size_t s = 0; s < samples; s += size) {
        const std::size_t n = std::min(size, samples - s);
        cut->pulse({x.data() + s * 18, n, 18, false}, {d.data() + s * 5, n, 5, false}, 0.05, update_parameters(), 1);
      }
      EXPECT_TRUE(state_of(*whole) == state_of(*cut)) << size;
    }
  }
}

TEST(CellCrosspoints, DirectPulses) {
  using enum pulse::Directions;
  EXPECT_EQ(directed(both, false), both);
  EXPECT_EQ(directed(both, true), reversed);
  EXPECT_EQ(directed(reversed, true), both);
  EXPECT_EQ(directed(reversed, false), reversed);
  expect_contains(error_of([] { (void)directed(up_only, false); }), "one-sided pair");
  EXPECT_EQ(samples_between(0, 64), ~std::uint64_t{0});
  EXPECT_EQ(samples_between(2, 5), 0b11100U);
  EXPECT_EQ(samples_between(63, 64), std::uint64_t{1} << 63);
}

}  // namespace
}  // namespace mho::cell
