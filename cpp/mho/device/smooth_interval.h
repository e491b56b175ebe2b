// Where several pulses may be taken at once, of steps that no formula of the weight describes: looked up beforehand.
#pragma once

#include <algorithm>
#include <cmath>

#include "mho/device/aggregation.h"

namespace mho::device {

// Where n pulses in one direction may be taken at once: an interval of a coordinate from 0 to 1 across the device's
// range R of weights, for devices whose steps, as a share of R, are up to some multiple of those of the mean device.
class SmoothInterval {
 public:
  // The coordinate is looked at in steps of 1 / points.
  static constexpr int points = 128;

  // `is_fine(coordinate, share)` says it of steps of that share of R.
  template <class Function> SmoothInterval(Function&& is_fine, double mean_share) : mean_share_(mean_share) {
    for (int size = 0; size < sizes; ++size) {
      low_[size] = 2.0F;  // empty
      high_[size] = -1.0F;
      if (size == sizes - 1) break;  // however large
      const double share = mean_share * (size + 1) / sizes_per_mean;
      double run = -1;
      for (int i = 0; i <= points; ++i) {
        const double at = static_cast<double>(i) / points;
        if (!is_fine(at, share)) {
          run = -1;
          continue;
        }
        if (run < 0) run = at;
        if (at - run > static_cast<double>(high_[size] - low_[size])) {
          low_[size] = static_cast<float>(run);
          high_[size] = static_cast<float>(at);
        }
      }
    }
  }

  // Where it begins and ends for devices whose steps are this share of R.
  template <class F> struct Part {
    F low, high;
  };
  template <class F> [[nodiscard]] Part<F> of(F share) const {
    const F size = min(share * F(static_cast<float>(sizes_per_mean / mean_share_)), F(sizes - 1.0F));
    // The first entry for steps of this size or larger ones.
    using U = decltype(round_to_int(size));
    const U index = round_to_int(size + F(0.499F)) - U(1U);
    const U last(static_cast<std::uint32_t>(sizes - 1));
    const auto entry = select(greater(index, last), last, index);
    return {look_up(low_, entry), look_up(high_, entry)};
  }
  // How much of the coordinate it covers for the mean device.
  [[nodiscard]] double width() const { return static_cast<double>(high_[sizes_per_mean] - low_[sizes_per_mean]); }

 private:
  static constexpr int sizes = 16;
  static constexpr int sizes_per_mean = 4;
  alignas(64) float low_[sizes];
  alignas(64) float high_[sizes];
  double mean_share_;
};

// Both directions, for as many pulses at once as most weights of the mean device allow.
struct SmoothIntervals {
  std::uint32_t most;
  SmoothInterval up, down;

  // `interval(up, n)` is that of n pulses in one direction.
  template <class Function>
  explicit SmoothIntervals(Function&& interval)
      : most(most_pulses_at_once), up(interval(true, most)), down(interval(false, most)) {
    while (most > few_pulses_at_once && std::fmin(up.width(), down.width()) < 0.5) {
      most /= 2;
      up = interval(true, most);
      down = interval(false, most);
    }
  }
};

}  // namespace mho::device
