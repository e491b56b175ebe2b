#include "mho/rule/summed_weights.h"

#include <gtest/gtest.h>

#include <vector>

#include "support.h"

namespace mho::rule {
namespace {

// Sums are made when they are asked for, and again only after a change.
TEST(SummedWeights, AreThoseOfTheMainArrayAndWhatIsAdded) {
  const array::Shape shape{3, 5, 2};
  const auto main = tests::make_array(tests::device("Ideal"), shape, {1, 2});
  const std::vector<float> w = tests::random_values(shape.devices(), 1);
  (void)main->crosspoints().set_weight(w.data(), true);
  SummedWeights sums;
  int calls = 0;
  const auto add = [&](std::size_t k, float* sum) {
    ++calls;
    const std::vector<float> ones(shape.plane(), 1.0F);
    add_share(0.5F * static_cast<float>(k + 1), ones.data(), shape.plane(), sum);
  };
  for (std::size_t k = 0; k < 2; ++k) {
    const float* sum = sums.of(k, *main, add);
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 5; ++j) {
        EXPECT_EQ(sum[shape.place(i, j)], w[(k * 3 + i) * 5 + j] + 0.5F * static_cast<float>(k + 1));
      }
    }
  }
  EXPECT_EQ(calls, 2);
  const std::vector<float> zeros(shape.devices());
  (void)main->crosspoints().set_weight(zeros.data(), true);
  EXPECT_EQ(sums.of(1, *main, add)[shape.place(2, 4)], w[29] + 1.0F);
  sums.change();
  EXPECT_EQ(sums.of(1, *main, add)[shape.place(2, 4)], 1.0F);
}

}  // namespace
}  // namespace mho::rule
