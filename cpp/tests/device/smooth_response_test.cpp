#include "mho/device/smooth_response.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "device/response.h"

namespace mho::device {
namespace {

// Steps s - u w with noise on the whole step: a smooth response whose sums are known in closed form.
struct Linear {
  float s, u, noise;
  using Lanes = PulsedLanes;
  template <class Planes> [[nodiscard]] Lanes load(const Planes& planes) const { return load_pulsed(planes); }
  [[nodiscard]] Aggregate pulses(const Lanes& lanes, F32 w, Mask, F32 n, F32 xi) const {
    const Response response{simd::fnma(F32(u), w, F32(s)), F32(-u), F32(0.0F)};
    return smooth_pulses(response, w, n, xi, F32(noise), lanes.w_max, lanes.w_min);
  }
};

TEST(SmoothPulses, AreWithinTheAllowedError) {
  int taken = 0;
  for (const float s : {0.001F, 0.01F, -0.01F}) {
    for (const float u : {0.0F, 0.002F, 0.02F, -0.02F}) {
      for (const float noise : {0.0F, 0.3F, 2.0F}) {
        for (const int n : {1, 2, 5, 20}) {
          const Linear model{s, u, noise};
          bool valid = false;
          const auto actual = tests::aggregate_moments(model, {}, 0.1, true, n, valid);
          if (!valid) continue;
          ++taken;
          SCOPED_TRACE(testing::Message() << "step " << s << ", slope " << -u << ", noise " << noise << ", n " << n);
          const double f = static_cast<double>(s) - static_cast<double>(u) * static_cast<double>(0.1F);
          tests::expect_close(
              actual, tests::linear_moments(f, static_cast<double>(u), 0, static_cast<double>(noise), n, true), 1e-7);
        }
      }
    }
  }
  EXPECT_GT(taken, 80);
}

TEST(SmoothPulses, AreNotTakenTogetherWhereThatIsTooCoarse) {
  const auto valid = [](const Response& response, float w, float n) {
    return smooth_pulses(response, F32(w), F32(n), F32(0.0F), F32(0.3F), F32(0.6F), F32(-0.6F)).valid.bits() != 0;
  };
  const Response gentle{F32(0.001F), F32(-0.001F), F32(0.0F)};
  EXPECT_TRUE(valid(gentle, 0, 10));
  EXPECT_FALSE(valid({F32(0.001F), F32(-0.1F), F32(0.0F)}, 0, 10)) << "steep";
  EXPECT_FALSE(valid({F32(0.1F), F32(-0.001F), F32(1.0F)}, 0, 2)) << "bent";
  EXPECT_FALSE(valid(gentle, 0.599F, 10)) << "near the upper bound";
  EXPECT_FALSE(valid({F32(-0.001F), F32(0.0F), F32(0.0F)}, -0.599F, 10)) << "near the lower bound";
  EXPECT_TRUE(valid({F32(0.1F), F32(-0.1F), F32(1.0F)}, 0.6F, 1)) << "a single pulse";
}

}  // namespace
}  // namespace mho::device
