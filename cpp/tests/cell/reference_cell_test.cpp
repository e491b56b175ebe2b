#include "mho/cell/reference_cell.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cell/cells.h"

namespace mho::cell {
namespace {

using namespace tests;

TEST(ReferenceCell, MovesTheDeviceAlone) {
  const auto a = make_array(reference_cell(flat(0.5), {{"reference_mean", 0.25}}), {1, 2, 1});
  EXPECT_DOUBLE_EQ(a->crosspoints().granularity(), 0.5);
  EXPECT_EQ(plane(*a, "weight"), (std::vector<float>{-0.25F, -0.25F}));
  pulse_all(*a, true, 0.5);
  EXPECT_EQ(plane(*a, "weight"), (std::vector<float>{0.25F, 0.25F}));
  const float w[] = {1.0F, -1.0F};
  EXPECT_EQ(a->crosspoints().set_weight(w, false), 0U);
  EXPECT_EQ(plane(*a, "device/weight"), (std::vector<float>{1.25F, -0.75F}));
  EXPECT_EQ(plane(*a, "reference/weight"), (std::vector<float>{0.25F, 0.25F}));
}

TEST(ReferenceCell, SpreadsItsReferencesAndKeepsTheirBounds) {
  const std::uint64_t key = 99;
  const auto a = make_array(reference_cell(flat(0.5), {{"reference_mean", 0.2},
                                                       {"reference_std", 0.1},
                                                       {"reference_device", Sections{flat(0.5, {{"w_max", 0.25}})}}}),
                            {6, 20, 1}, {key});
  const auto found = plane(*a, "reference/weight");
  std::size_t clipped = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 20; ++j) {
      const auto words = words_of(key, 0x0032, 0, static_cast<std::uint32_t>(i / 4 * 32 + j), 0);
      const double wanted = 0.2 + 0.1 * gaussians_of(words)[i % 4];
      clipped += static_cast<std::size_t>(wanted > 0.25);
      EXPECT_NEAR(found[i * 20 + j], std::fmin(wanted, 0.25), 1e-6);
    }
  }
  EXPECT_GT(clipped, 10U);
}

}  // namespace
}  // namespace mho::cell
