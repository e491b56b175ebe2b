#include "mho/device/aggregation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>

namespace mho {
namespace {

using device::Meets;
using simd::F32;
using simd::Mask;
using simd::U32;

// Whether devices at weight w between -1 and 1 are refused several pulses that lead as far as w + reach.
template <class V> bool refused(float w, float reach, Meets meets) {
  using F = typename V::F;
  const F one(1.0F);
  const F zero(0.0F);
  const device::PulsedLanes<V> lanes{one, one, one, zero - one};
  const auto step = [](typename V::U) { return 0; };
  const auto after = [&](F xi) { return F(w) + F(reach / device::far_sigma) * xi; };
  return any(device::refused<V>(lanes, F(w), step, typename V::U(3U), after, meets));
}

// Refused with no bound to meet, with the one ahead, and with both.
struct Answers {
  bool none, ahead, both;
};

void expect_answers(float w, float reach, const Answers& expected) {
  SCOPED_TRACE(::testing::Message() << "weight " << w << ", reach " << reach);
  EXPECT_EQ(refused<simd::Wide>(w, reach, Meets::none), expected.none);
  EXPECT_EQ(refused<simd::Wide>(w, reach, Meets::ahead), expected.ahead);
  EXPECT_EQ(refused<simd::Wide>(w, reach, Meets::both), expected.both);
  for (const Meets meets : {Meets::none, Meets::ahead, Meets::both}) {
    EXPECT_EQ(refused<simd::Single>(w, reach, meets), refused<simd::Wide>(w, reach, meets));
  }
}

TEST(Refused, WhereTheBoundAheadIsNear) {
  expect_answers(0.8F, 0.3F, {false, true, true});
  expect_answers(-0.8F, -0.3F, {false, true, true});
}

TEST(Refused, WhereTheBoundBehindIsNearIfItMayBeMet) {
  expect_answers(-0.8F, 0.3F, {false, false, true});
  expect_answers(0.8F, -0.3F, {false, false, true});
}

TEST(Refused, NotWhereBothAreFar) {
  for (const float reach : {0.3F, -0.3F}) expect_answers(0.0F, reach, {false, false, false});
}

// A step that says that it is too coarse for several pulses.
struct CoarseStep {
  [[nodiscard]] static Mask too_coarse(U32 n) { return simd::greater(n, U32(2U)); }
};

TEST(Refused, WhereTheStepIsTooCoarse) {
  const F32 zero(0.0F);
  const device::PulsedLanes<simd::Wide> lanes{zero, zero, F32(1.0F), F32(-1.0F)};
  const auto stay = [&](F32) { return zero; };
  for (const std::uint32_t n : {2U, 3U}) {
    const auto answer = device::refused<simd::Wide>(lanes, zero, CoarseStep{}, U32(n), stay, Meets::both);
    EXPECT_EQ(simd::any(answer), n > 2) << n;
  }
}

}  // namespace
}  // namespace mho
