#include "mho/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "mho/aligned.h"

namespace mho {
namespace {

class ParallelFor : public testing::TestWithParam<int> {};

TEST_P(ParallelFor, VisitsEachIndexOnce) {
  for (const std::size_t count : {0UL, 1UL, 2UL, 3UL, 1000UL}) {
    std::vector<std::atomic<int>> visits(count);
    parallel_for(GetParam(), count, [&](std::size_t i) { visits[i].fetch_add(1); });
    for (const auto& visit : visits) EXPECT_EQ(visit.load(), 1);
  }
}

TEST_P(ParallelFor, ThrowsAgainWhatABodyThrew) {
  for (const std::size_t bad : {0UL, 17UL, 99UL}) {
    EXPECT_THROW(parallel_for(GetParam(), 100,
                              [&](std::size_t i) {
                                if (i == bad) throw std::out_of_range("body");
                              }),
                 std::out_of_range);
  }
  // And works as before afterwards.
  std::atomic<std::size_t> sum = 0;
  parallel_for(GetParam(), 100, [&](std::size_t i) { sum += i; });
  EXPECT_EQ(sum.load(), 4950U);
}

TEST_P(ParallelFor, ThrowsOneOfSeveral) {
  EXPECT_THROW(parallel_for(GetParam(), 100, [](std::size_t) { throw std::runtime_error("all of them"); }),
               std::runtime_error);
}

TEST_P(ParallelFor, MayBeNested) {
  std::atomic<int> calls = 0;
  parallel_for(GetParam(), 5,
               [&](std::size_t) { parallel_for(GetParam(), 7, [&](std::size_t) { calls.fetch_add(1); }); });
  EXPECT_EQ(calls.load(), 35);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor, testing::Values(0, 1, 2, 4, 7, 64));

TEST(RoundUp, GoesToTheNextMultiple) {
  EXPECT_EQ(round_up(0, 16), 0U);
  EXPECT_EQ(round_up(1, 16), 16U);
  EXPECT_EQ(round_up(16, 16), 16U);
  EXPECT_EQ(round_up(17, 4), 20U);
}

TEST(AlignedVector, StartsAtACacheLine) {
  for (std::size_t n = 1; n < 100; n += 7) {
    const AlignedVector<float> values(n);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.data()) % 64, 0U);
  }
}

TEST(Threads, ShareWorkThatIsWorthIt) {
  const Threads four = 4;
  EXPECT_EQ(four.for_work(Threads::worthwhile_nanoseconds).count, 4);
  EXPECT_EQ(four.for_work(0.9 * Threads::worthwhile_nanoseconds).count, 1);
  EXPECT_EQ(Threads(4, true).for_work(0).count, 4);
}

}  // namespace
}  // namespace mho
