#include "mho/device/smooth_response.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "device/response.h"
#include "mho/simd/single.h"

namespace mho::device {
namespace {

// Steps s - u w with noise on the whole step: a smooth response whose sums are known in closed form.
struct Linear {
  float s, u, noise;
  template <class Planes> [[nodiscard]] auto load(const Planes& planes) const { return load_pulsed(planes); }
  [[nodiscard]] static Meets meets() { return Meets::none; }
  [[nodiscard]] static U32 most_at_once(const PulsedLanes<simd::Wide>&) { return U32(most_pulses_at_once); }
  [[nodiscard]] SmoothPulses::Step<F32> step(const PulsedLanes<simd::Wide>&, F32 w, Mask) const {
    return {sums, {simd::fnma(F32(u), w, F32(s)), F32(-u), F32(0.0F)}, w};
  }
  SmoothPulses sums{static_cast<double>(noise)};
};

TEST(SmoothPulses, AreWithinTheAllowedError) {
  int taken = 0;
  for (const float s : {0.001F, 0.01F, -0.01F}) {
    for (const float u : {0.0F, 0.002F, 0.02F, -0.02F}) {
      for (const float noise : {0.0F, 0.3F, 2.0F}) {
        for (const int n : {1, 2, 5, 15}) {
          const Linear model{s, u, noise};
          bool valid = false;
          const auto actual = tests::aggregate_moments(model, {}, 0.1, true, n, valid);
          const double f = static_cast<double>(s) - static_cast<double>(u) * static_cast<double>(0.1F);
          if (!valid) continue;
          ++taken;
          SCOPED_TRACE(testing::Message() << "step " << s << ", slope " << -u << ", noise " << noise << ", n " << n);
          tests::expect_close(
              actual, tests::linear_moments(f, static_cast<double>(u), 0, static_cast<double>(noise), n, true), 1e-7);
        }
      }
    }
  }
  EXPECT_GT(taken, 80);
}

TEST(SmoothPulses, AreNotTakenTogetherWhereThatIsTooCoarse) {
  const auto coarse = [](double f, double slope, double curvature, std::uint32_t n, double noise) {
    const SmoothPulses pulses(noise);
    const auto number = [](double a) { return simd::F1(static_cast<float>(a)); };
    const Response<simd::F1> response{number(f), number(slope), number(curvature)};
    return SmoothPulses::Step(pulses, response, number(0)).too_coarse(simd::U1(n)).v;
  };
  EXPECT_FALSE(coarse(0.001, -0.001, 0, 10, 0.3));
  EXPECT_TRUE(coarse(0.001, -0.1, 0, 10, 0.3)) << "steep";
  EXPECT_TRUE(coarse(0.1, -0.001, 1, 2, 0.3)) << "bent";
  EXPECT_TRUE(coarse(0.001, -0.007, 0, 10, 10)) << "noisy";
  EXPECT_FALSE(coarse(0.1, -0.1, 1, 1, 10)) << "a single pulse";
}

}  // namespace
}  // namespace mho::device
