// How the steps of a device model are examined: one pulse against a formula, several pulses in one step against the
// moments of the same pulses one at a time.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "mho/device/aggregation.h"
#include "mho/random/stream.h"

namespace mho::tests {

using simd::F32;
using simd::Mask;
using simd::U32;

// Sixteen equal devices.
struct Nominal {
  float up = 0.01F;
  float down = 0.01F;
  float w_max = 0.6F;
  float w_min = -0.6F;
  std::vector<float> extra{};
};

// The lanes of sixteen devices that are all alike.
template <class Model> auto lanes_of(const Model& model, const Nominal& nominal) {
  std::vector<std::array<float, simd::lanes>> planes;
  for (const float value : {nominal.up, nominal.down, nominal.w_max, nominal.w_min}) planes.emplace_back().fill(value);
  for (const float value : nominal.extra) planes.emplace_back().fill(value);
  std::vector<const float*> pointers;
  for (const auto& plane : planes) pointers.push_back(plane.data());
  return model.load(device::Neighbours{pointers.data(), 0});
}

inline float first_lane(F32 a) {
  float values[simd::lanes];
  a.store(values);
  return values[0];
}

inline Mask direction(bool up) { return F32(up ? 1.0F : -1.0F) > F32(0.0F); }

template <class Model> double pulse(const Model& model, const Nominal& device, double w, bool up, double xi) {
  auto lanes = lanes_of(model, device);
  const auto step = model.step(lanes, F32(static_cast<float>(w)), direction(up));
  return first_lane(step(U32(1U))(F32(static_cast<float>(xi))));
}

struct Moments {
  double mean = 0;
  double variance = 0;
  double skewness = 0;
};

// Moments of the step that a model takes for n pulses at once, over its gaussian: trapezoids from -8.5 to 8.5 sigma.
// valid says whether the model vouches for it.
template <class Model>
Moments aggregate_moments(const Model& model, const Nominal& device, double w, bool up, int n, bool& valid) {
  const auto lanes = lanes_of(model, device);
  const F32 start(static_cast<float>(w));
  const U32 count(static_cast<std::uint32_t>(n));
  const auto step = model.step(lanes, start, direction(up));
  const auto after_n = step(count);
  const Mask refused = simd::greater(count, model.most_at_once(lanes)) |
                       device::refused<simd::Wide>(lanes, start, step, count, after_n, model.meets());
  valid = n == 1 || !simd::any(refused);
  if (!valid) return {};
  constexpr int points = 1024;  // per side
  constexpr double width = 8.5 / points;
  double sums[4] = {};
  for (int i = -points; i <= points; i += simd::lanes) {
    float xi[simd::lanes];
    for (int k = 0; k < simd::lanes; ++k) xi[k] = static_cast<float>((i + k) * width);
    float after[simd::lanes];
    after_n(F32::load(xi)).store(after);
    for (int k = 0; k < simd::lanes && i + k <= points; ++k) {
      const double x = static_cast<double>(xi[k]);
      const double density = std::exp(-0.5 * x * x) * width / std::sqrt(2 * std::numbers::pi);
      double power = density;
      for (double& sum : sums) {
        sum += power;
        power *= static_cast<double>(after[k]) - static_cast<double>(static_cast<float>(w));
      }
    }
  }
  Moments m;
  m.mean = sums[1];
  m.variance = sums[2] - sums[1] * sums[1];
  const double third = sums[3] - 3 * sums[1] * sums[2] + 2 * sums[1] * sums[1] * sums[1];
  m.skewness = m.variance > 0 ? third / std::pow(m.variance, 1.5) : 0;
  return m;
}

// The error that several pulses in one step may have: 0.2 % of the mean, 1 % of the variance, 0.05 in the skewness.
// `rounding` is what a float weight cannot resolve, the slack of the others what an estimate may be off by.
inline void expect_close(const Moments& actual, const Moments& exact, double rounding, const Moments& slack = {}) {
  EXPECT_NEAR(actual.mean, exact.mean, 0.002 * std::fabs(exact.mean) + rounding + slack.mean);
  EXPECT_NEAR(actual.variance, exact.variance,
              0.01 * exact.variance + 4 * rounding * std::sqrt(std::fmax(exact.variance, 0)) + rounding * rounding +
                  slack.variance);
  // Without a spread the skewness has no meaning.
  if (exact.variance > 1e4 * rounding * rounding) {
    EXPECT_NEAR(actual.skewness, exact.skewness, 0.05 + slack.skewness);
  }
}

// Moments of n pulses of a device whose mean step is f at first and shrinks by the factor 1 - u with each step:
// f_k = f_{k-1} (1 - u (1 + sigma xi)) with noise on the whole step, f_k = f_{k-1} (1 - u) - u s sigma xi with noise on
// the step s at zero weight. The weight has moved by (f - f_n) / u.
inline Moments linear_moments(double f, double u, double s, double sigma, int n, bool multiplicative) {
  // Cumulants of the sum, pulse by pulse: raw moments of the weight's own displacement.
  double m1 = 0;
  double m2 = 0;
  double m3 = 0;
  for (int k = 0; k < n; ++k) {
    // D' = D + (f - u D) + noise, noise = (f - u D) sigma xi or s sigma xi.
    const double a = 1 - u;
    const double n1 = a * m1 + f;
    double n2 = a * a * m2 + 2 * a * f * m1 + f * f;
    double n3 = a * a * a * m3 + 3 * a * a * f * m2 + 3 * a * f * f * m1 + f * f * f;
    const double v = sigma * sigma;
    if (multiplicative) {
      const double g0 = f * f;
      const double g1 = -2 * f * u;
      const double g2 = u * u;  // (f - u D)^2
      n2 += v * (g0 + g1 * m1 + g2 * m2);
      // 3 E[(a D + f) (f - u D)^2] sigma^2
      n3 += 3 * v * (f * g0 + (a * g0 + f * g1) * m1 + (a * g1 + f * g2) * m2 + a * g2 * m3);
    } else {
      n2 += v * s * s;
      n3 += 3 * v * s * s * (a * m1 + f);
    }
    m1 = n1;
    m2 = n2;
    m3 = n3;
  }
  Moments m;
  m.mean = m1;
  m.variance = m2 - m1 * m1;
  m.skewness = m.variance > 1e-30 ? (m3 - 3 * m1 * m2 + 2 * m1 * m1 * m1) / std::pow(m.variance, 1.5) : 0;
  return m;
}

// Moments of n pulses one at a time. The same pulses with the step of the first one have a known mean, and what is left
// has little spread: so few samples do.
template <class Model>
Moments sampled_moments(const Model& model, const Nominal& device, double first_step, double sigma, double w, bool up,
                        int n, Moments& slack) {
  constexpr std::uint32_t draws = 1024;  // of 64 samples
  const auto lanes = lanes_of(model, device);
  const auto start = static_cast<float>(w);
  double sums[4] = {};
  double rest = 0;
  double rest_square = 0;
  const double step = first_step;
  for (std::uint32_t draw = 0; draw < draws; ++draw) {
    F32 weight[4];
    F32 noise[4];
    for (std::size_t k = 0; k < 4; ++k) {
      weight[k] = F32(start);
      noise[k] = F32(0.0F);
    }
    for (int i = 0; i < n; ++i) {
      const auto xi = random::Stream(random::Key::from(11), random::Purpose::pulse_noise, static_cast<unsigned>(i))
                          .gaussians(0, draw);
      for (std::size_t k = 0; k < 4; ++k) {
        weight[k] = model.step(lanes, weight[k], direction(up))(U32(1U))(xi.value[k]);
        noise[k] = noise[k] + xi.value[k];
      }
    }
    for (std::size_t k = 0; k < 4; ++k) {
      float after[simd::lanes];
      float drawn[simd::lanes];
      weight[k].store(after);
      noise[k].store(drawn);
      for (std::size_t lane = 0; lane < simd::lanes; ++lane) {
        const double dw = static_cast<double>(after[lane]) - static_cast<double>(start);
        const double d = dw - step * (n + sigma * static_cast<double>(drawn[lane]));
        rest += d;
        rest_square += d * d;
        double power = 1;
        for (double& sum : sums) {
          sum += power;
          power *= dw;
        }
      }
    }
  }
  const double count = sums[0];
  for (double& sum : sums) sum /= count;
  Moments m;
  m.mean = step * n + rest / count;
  m.variance = sums[2] - sums[1] * sums[1];
  const double third = sums[3] - 3 * sums[1] * sums[2] + 2 * sums[1] * sums[1] * sums[1];
  m.skewness = m.variance > 0 ? third / std::pow(m.variance, 1.5) : 0;
  // Five standard errors.
  const double rest_variance = rest_square / count - rest * rest / (count * count);
  slack = {5 * std::sqrt(std::fmax(rest_variance, 0) / count), 5 * m.variance * std::sqrt(2 / count),
           5 * std::sqrt(6 / count)};
  return m;
}

}  // namespace mho::tests
