#include "mho/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "meeting.h"
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

TEST_P(ParallelFor, IsSharedByATeam) {
  with_team(GetParam(), [&](Threads team) {
    EXPECT_EQ(team.count, GetParam());
    for (const std::size_t count : {0UL, 1UL, 2UL, 1000UL, 3UL}) {
      for (int repetition = 0; repetition < 50; ++repetition) {
        std::vector<std::atomic<int>> visits(count);
        parallel_for(team, count, [&](std::size_t i) { visits[i].fetch_add(1); });
        for (const auto& visit : visits) ASSERT_EQ(visit.load(), 1);
      }
    }
    std::atomic<int> calls = 0;
    parallel_for(team, 5, [&](std::size_t) { parallel_for(team, 7, [&](std::size_t) { calls.fetch_add(1); }); });
    EXPECT_EQ(calls.load(), 35);
  });
}

TEST_P(ParallelFor, ThrowsOutOfATeam) {
  with_team(GetParam(), [&](Threads team) {
    for (const std::size_t bad : {0UL, 17UL, 99UL}) {
      const auto body = [&](std::size_t i) {
        if (i == bad) throw std::out_of_range("body");
      };
      EXPECT_THROW(parallel_for(team, 100, body), std::out_of_range);
      // A loop that came to an end by an exception is over, and does not hinder the next.
      std::atomic<std::size_t> sum = 0;
      parallel_for(team, 100, [&](std::size_t i) { sum += i; });
      EXPECT_EQ(sum.load(), 4950U);
    }
  });
  EXPECT_THROW(with_team(GetParam(), [](Threads) { throw std::runtime_error("the call"); }), std::runtime_error);
}

TEST(Team, AllOfItsThreadsWork) {
#ifdef _OPENMP
  tests::Meeting meeting;
  EXPECT_TRUE(meeting.arranged_by(
      [&] { with_team(2, [&](Threads team) { parallel_for(team, 2, [&](std::size_t) { meeting.attend(); }); }); }));
#endif
}

TEST(Team, SharesTheLoopsOfAPiece) {
#ifdef _OPENMP
  // Whoever has no piece of its own takes part in the loop of the other's.
  tests::Meeting meeting;
  EXPECT_TRUE(meeting.arranged_by([&] {
    with_team(2, [&](Threads team) {
      parallel_for(team, 1, [&](std::size_t) { parallel_for(team, 2, [&](std::size_t) { meeting.attend(); }); });
    });
  }));
#endif
}

TEST(Team, HasLoopsInLoopsInLoops) {
  for (const int threads : {1, 2, 3, 8}) {
    with_team(threads, [&](Threads team) {
      for (int repetition = 0; repetition < 200; ++repetition) {
        std::atomic<int> calls = 0;
        parallel_for(team, 3, [&](std::size_t i) {
          parallel_for(team, 5 + i, [&](std::size_t) {
            parallel_for(team, 4, [&](std::size_t k) {
              if (k == 2) parallel_for(team, 2, [&](std::size_t) { calls.fetch_add(1); });
            });
          });
        });
        ASSERT_EQ(calls.load(), 2 * (5 + 6 + 7));
      }
    });
  }
}

TEST(Team, ThrowsOutOfALoopInALoop) {
  with_team(3, [](Threads team) {
    std::atomic<int> whole = 0;
    for (int repetition = 0; repetition < 50; ++repetition) {
      EXPECT_THROW(parallel_for(team, 4,
                                [&](std::size_t i) {
                                  parallel_for(team, 6, [&](std::size_t k) {
                                    if (i == 1 && k == 3) throw std::out_of_range("inside");
                                  });
                                  ++whole;
                                }),
                   std::out_of_range);
    }
    EXPECT_EQ(whole.load(), 3 * 50);
  });
}

TEST(Team, IsLeftWhereNothingIsShared) {
  // Or this would wait for ever: nobody closes the team.
  Team team(2);
  team.help(1);
  // Who is alone does all of it.
  int calls = 0;
  team.run(3, [&](std::size_t) { ++calls; });
  EXPECT_EQ(calls, 3);
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
  Team team;
  Threads awake = 4;
  awake.team = &team;
  EXPECT_EQ(awake.for_work(Threads::worthwhile_for_a_team).team, &team);
  EXPECT_EQ(awake.for_work(0.9 * Threads::worthwhile_for_a_team).count, 1);
}

}  // namespace
}  // namespace mho
