// Several pulses at once for devices whose mean step is a smooth function f of the weight, with multiplicative noise.
#pragma once

#include <algorithm>

#include "mho/device/pulsed.h"

namespace mho::device {

// The mean step of one direction at a weight (its sign included) and its derivatives there.
template <class F> struct Response {
  F step;       // f
  F slope;      // f'
  F curvature;  // f''
};

// n small steps, to second order in the slope f' and first in f f'': the mean
// n f (1 + (n - 1) f' / 2 + (n - 1)(n - 2) f'^2 / 6 + (n - 1)(2 n - 1) f f'' / 12 + (n - 1) sigma^2 f f'' / 4), and the
// noise of each step carried along by the later ones. One step is exact; more only where `aggregation_is_fine`.
class SmoothPulses {
 public:
  explicit SmoothPulses(double noise)
      : pairs_([](double n) { return n * (n - 1) / 2; }),
        triples_([](double n) { return n * (n - 1) * (n - 2) / 6; }),
        bend_([noise](double n) { return n * (n - 1) * ((2 * n - 1) / 12 + noise * noise / 4); }),
        spread_([noise](double n) { return noise * std::sqrt(n); }),
        spread_slope_([noise](double n) { return noise * std::sqrt(n) * (n - 1); }),
        spread_square_([noise](double n) { return noise * std::sqrt(n) * (n - 1) * (n - 1) / 2; }),
        spread_bend_([noise](double n) { return noise * std::sqrt(n) * (n - 1) * (2 * n - 1) / 4; }),
        skew_([noise](double n) { return n > 0 ? noise * noise * (n - 1) / 2 : 0; }) {}

  template <class U, class F> F operator()(const Response<F>& response, F w, U n, F xi) const {
    const F slope = response.slope;
    const F bend = response.step * response.curvature;
    F mean = fma(slope, fma(slope, triples_(n), pairs_(n)), to_float(n));
    mean = fma(bend, bend_(n), mean);
    F spread = fma(slope, fma(slope, spread_square_(n), spread_slope_(n)), spread_(n));
    spread = fma(bend, spread_bend_(n), spread);
    const F bent = fma(slope * skew_(n), fma(xi, xi, F(-1.0F)), mean);
    return fma(response.step, fma(spread, xi, bent), w);
  }

 private:
  CountTable pairs_, triples_, bend_;
  CountTable spread_, spread_slope_, spread_square_, spread_bend_;
  CountTable skew_;
};

// Whether what the formula leaves out is within the error that is allowed.
inline bool aggregation_is_fine(const Response<double>& response, std::uint32_t n, double noise) {
  const double count = n;
  const double variance = noise * noise;
  const double slope = std::fabs(response.slope);
  const double curved = std::fabs(response.step * response.curvature) * count * std::fmax(variance / 4, count / 6);
  return count * slope <= 0.15 && curved <= 1e-2 && count * slope * slope * variance <= 2.5e-2 &&
         slope * pulse_reach(n, noise) <= 1;
}

// Where n pulses in one direction may be taken at once: an interval of a coordinate from 0 to 1 across the device's
// range R of weights, for devices whose steps, as a share of R, are up to some multiple of those of the mean device.
class SmoothInterval {
 public:
  // The coordinate is looked at in steps of 1 / points.
  static constexpr int points = 128;

  // `response(coordinate, share)` is the step and its derivatives in units of R, for steps of that share of R.
  template <class Function>
  SmoothInterval(Function&& response, double mean_share, std::uint32_t n, double noise) : mean_share_(mean_share) {
    for (int size = 0; size < sizes; ++size) {
      low_[size] = 2.0F;  // empty
      high_[size] = -1.0F;
      if (size == sizes - 1) break;  // however large
      const double share = mean_share * (size + 1) / sizes_per_mean;
      double run = -1;
      for (int i = 0; i <= points; ++i) {
        const double at = static_cast<double>(i) / points;
        const Response<double> here = response(at, share);
        if (!aggregation_is_fine(here, n, noise)) {
          run = -1;
          continue;
        }
        if (run < 0) run = at;
        if (at - run > static_cast<double>(high_[size] - low_[size])) {
          low_[size] = static_cast<float>(run);
          high_[size] = static_cast<float>(at);
        }
        float& largest = at < 0.5 ? largest_below_[size] : largest_above_[size];
        largest = std::fmax(largest, static_cast<float>(std::fabs(here.step) / share));
      }
    }
  }

  // For devices of step size s and range R: where it begins and ends, and the largest mean steps of its lower half,
  // below 0.5, and of its upper half, in units of s.
  template <class F> struct Part {
    F low, high;
    F largest_below, largest_above;
  };
  template <class F> [[nodiscard]] Part<F> of(F s, F range) const {
    const F size = min(s * F(static_cast<float>(sizes_per_mean / mean_share_)) / range, F(sizes - 1.0F));
    // The first entry for steps of this size or larger ones.
    using U = decltype(round_to_int(size));
    const U index = round_to_int(size + F(0.499F)) - U(1U);
    const U last(static_cast<std::uint32_t>(sizes - 1));
    const auto entry = select(greater(index, last), last, index);
    return {look_up(low_, entry), look_up(high_, entry), look_up(largest_below_, entry),
            look_up(largest_above_, entry)};
  }
  // How much of the coordinate it covers for the mean device.
  [[nodiscard]] double width() const { return static_cast<double>(high_[sizes_per_mean] - low_[sizes_per_mean]); }

 private:
  static constexpr int sizes = 16;
  static constexpr int sizes_per_mean = 4;
  alignas(64) float low_[sizes];
  alignas(64) float high_[sizes];
  alignas(64) float largest_below_[sizes] = {};
  alignas(64) float largest_above_[sizes] = {};
  double mean_share_;
};

// Both directions, for so many pulses at once.
struct SmoothIntervals {
  SmoothInterval up, down;
  float reach;
};

// Those of as many pulses at once as most weights of the mean device allow, at most `most`, and those of few.
struct SmoothAggregation {
  std::uint32_t most;

  // `interval(up, n)` is that of n pulses in one direction.
  template <class Function>
  SmoothAggregation(std::uint32_t most_wanted, double noise, Function&& interval)
      : most(most_wanted), intervals_{of(most, noise, interval), of(few_pulses_at_once, noise, interval)} {
    while (most > few_pulses_at_once && std::fmin(intervals_[0].up.width(), intervals_[0].down.width()) < 0.5) {
      most /= 2;
      intervals_[0] = of(most, noise, interval);
    }
  }

  [[nodiscard]] const SmoothIntervals& operator[](AtOnce count) const {
    return intervals_[static_cast<std::size_t>(count)];
  }

 private:
  template <class Function> static SmoothIntervals of(std::uint32_t n, double noise, Function&& interval) {
    return {interval(true, n), interval(false, n), static_cast<float>(pulse_reach(n, noise))};
  }

  SmoothIntervals intervals_[2];  // of most and of few
};

}  // namespace mho::device
