#include "mho/array/ideal_crosspoints.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "support.h"

namespace mho::array {
namespace {

using tests::device;
using tests::make_array;
using tests::plane;

TEST(IdealCrosspoints, MovesByExactlyWhatIsAskedFor) {
  for (const auto& [out, in] : std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {5, 17}, {37, 50}}) {
    constexpr std::size_t samples = 9;
    const auto a = make_array(device("Ideal"), {out, in, 1});
    const auto x = tests::random_values(samples * in, 51);
    const auto d = tests::random_values(samples * out, 52);
    a->pulse({x.data(), samples, in, false}, {d.data(), samples, out, false}, 0.1, tests::update_parameters(), 1);
    const auto w = plane(*a, "weight");
    for (std::size_t i = 0; i < out; ++i) {
      for (std::size_t j = 0; j < in; ++j) {
        double sum = 0;
        for (std::size_t s = 0; s < samples; ++s) {
          sum -= 0.1 * static_cast<double>(d[s * out + i]) * static_cast<double>(x[s * in + j]);
        }
        ASSERT_NEAR(w[i * in + j], sum, 1e-6);
      }
    }
    EXPECT_EQ(a->steps().update, samples);
    EXPECT_EQ(a->crosspoints().granularity(), 0);
  }
}

TEST(IdealCrosspoints, TakesSamplesTogetherOrOneByOneAndOnAnyThreads) {
  constexpr std::size_t out = 70, in = 130, samples = 40;
  const auto x = tests::random_values(samples * in, 53);
  const auto d = tests::random_values(samples * out, 54);
  const auto update = tests::update_parameters();
  const auto serial = make_array(device("Ideal"), {out, in, 1});
  serial->pulse({x.data(), samples, in, false}, {d.data(), samples, out, false}, 0.1, update, 1);
  const auto one_by_one = make_array(device("Ideal"), {out, in, 1});
  for (std::size_t s = 0; s < samples; ++s) {
    one_by_one->pulse({x.data() + s * in, 1, in, false}, {d.data() + s * out, 1, out, false}, 0.1, update, 1);
  }
  EXPECT_TRUE(tests::state_of(*serial) == tests::state_of(*one_by_one));
  for (const int threads : {2, 4, 7}) {
    const auto parallel = make_array(device("Ideal"), {out, in, 1});
    parallel->pulse({x.data(), samples, in, false}, {d.data(), samples, out, false}, 0.1, update, {threads, true});
    EXPECT_TRUE(tests::state_of(*serial) == tests::state_of(*parallel)) << threads;
  }
}

TEST(IdealCrosspoints, RefusesWhatFloatsCannotHold) {
  const auto a = make_array(device("Ideal"), {1, 2, 1});
  const tests::State before = tests::state_of(*a);
  const float x[] = {1e20F, 1};
  const float d[] = {1e20F};
  tests::expect_contains(
      tests::error_of([&] { a->pulse({x, 1, 2, false}, {d, 1, 1, false}, 1.0, tests::update_parameters(), 1); }),
      "too large");
  EXPECT_TRUE(tests::state_of(*a) == before);
}

TEST(IdealCrosspoints, HasNoBounds) {
  const auto a = make_array(device("Ideal"), {1, 2, 1});
  const float w[] = {1e6F, -1e6F};
  EXPECT_EQ(a->crosspoints().set_weight(w, false), 0U);
  EXPECT_EQ(plane(*a, "weight"), (std::vector<float>{1e6F, -1e6F}));
}

}  // namespace
}  // namespace mho::array
