// What all pulsed devices have in common: the parameters of their step, bounds and spreads, and how these vary from one
// device to the next.
//
// The conventions are those of Gokmen and Vlasov (Front. Neurosci. 10:333, 2016) as widely used since: weights are
// normalised conductances, spreads are relative to the mean.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "mho/parameters.h"
#include "mho/random/device_draws.h"

namespace mho::device {

using simd::F32;
using simd::Mask;
using simd::U32;

struct PulsedParameters {
  double dw_min;       // mean size of one step
  double dw_min_dtod;  // its spread from device to device
  double dw_min_ctoc;  // its spread from pulse to pulse
  bool dw_min_log_normal;
  double w_max, w_min;  // mean bounds
  double w_max_dtod, w_min_dtod;
  double up_down;  // asymmetry of the mean steps: the larger direction keeps dw_min
  double up_down_dtod;
  double write_noise_std;  // in units of dw_min
  double stuck_prob, stuck_range;
  double reset, reset_dtod;  // the weight to which a reset leads, and its spread from device to device, in weight
  double reset_std;          // its spread from reset to reset, in weight
  std::optional<double> granularity;
  std::optional<double> endurance;  // mean number of pulses after which a device is stuck
  double endurance_dtod;
  double states;  // evenly spaced weights that a read can see; 0: any

  explicit PulsedParameters(Parameters& p)
      : dw_min(p.number("dw_min", 1e-12, 1e6)),
        dw_min_dtod(p.number("dw_min_dtod", 0, 1e3)),
        dw_min_ctoc(p.number("dw_min_ctoc", 0, 1e3)),
        dw_min_log_normal(p.flag("dw_min_log_normal")),
        w_max(p.number("w_max", 0, 1e6)),
        w_min(p.number("w_min", -1e6, 0)),
        w_max_dtod(p.number("w_max_dtod", 0, 1e3)),
        w_min_dtod(p.number("w_min_dtod", 0, 1e3)),
        up_down(p.number("up_down", -1, 1)),
        up_down_dtod(p.number("up_down_dtod", 0, 1e3)),
        write_noise_std(p.number("write_noise_std", 0, 1e6)),
        stuck_prob(p.number("stuck_prob", 0, 1)),
        stuck_range(p.number("stuck_range", 0, 1e6)),
        reset(p.number("reset", -1e6, 1e6)),
        reset_dtod(p.number("reset_dtod", 0, 1e6)),
        reset_std(p.number("reset_std", 0, 1e6)),
        endurance_dtod(p.number("endurance_dtod", 0, 1e3)),
        states(p.has("states") ? p.number("states", 2, largest_count) : 0) {
    if (p.has("granularity")) granularity = p.number("granularity", 1e-12, 1e6);
    if (p.has("endurance")) endurance = p.number("endurance", 1, largest_count);
  }

  // Up to here floats count without a gap.
  static constexpr double largest_count = 16777216;

  [[nodiscard]] double nominal_up() const { return (1.0 + std::fmin(up_down, 0.0)) * dw_min; }
  [[nodiscard]] double nominal_down() const { return (1.0 - std::fmax(up_down, 0.0)) * dw_min; }
};

// The parameters of sixteen devices that have an input in common, or of one device.
template <class V> struct PulsedLanes {
  typename V::F up;    // size of a potentiation step, >= 0
  typename V::F down;  // size of a depression step, >= 0
  typename V::F w_max;
  typename V::F w_min;
};

// The arrays that every pulsed device has, in the order of the planes.
inline constexpr std::size_t pulsed_planes = 4;
inline constexpr const char* pulsed_plane_names[pulsed_planes] = {"dw_min_up", "dw_min_down", "w_max", "w_min"};

// Where parameters come from: sixteen neighbours, or one device.
struct Neighbours {
  using V = simd::Wide;
  const float* const* planes;
  std::size_t offset;
  F32 operator()(std::size_t plane) const { return F32::load(planes[plane] + offset); }
};
struct OneDevice {
  using V = simd::Single;
  const float* const* planes;
  std::size_t offset;
  simd::F1 operator()(std::size_t plane) const { return simd::F1(planes[plane][offset]); }
};

template <class Planes>
[[gnu::always_inline]] inline PulsedLanes<typename Planes::V> load_pulsed(const Planes& planes) {
  return {planes(0), planes(1), planes(2), planes(3)};
}

// Draws of a device's construction. Models number their own from first_model_draw on.
inline constexpr std::uint32_t step_draw = 0;        // gain, then asymmetry
inline constexpr std::uint32_t bounds_draw = 1;      // upper, then lower
inline constexpr std::uint32_t wear_draw = 2;        // reset value, then endurance
inline constexpr std::uint32_t relaxation_draw = 3;  // lifetime, then diffusion
inline constexpr std::uint32_t drift_draw = 4;       // exponent
inline constexpr std::uint32_t first_model_draw = 16;

// Two parameters that share a draw: mean + deviation * xi each, for a block of devices.
inline void draw_two(F32* first, double first_mean, double first_deviation, F32* second, double second_mean,
                     double second_deviation, const random::Stream& stream, U32 elements, std::uint32_t number) {
  const F32 mean[2] = {F32(static_cast<float>(first_mean)), F32(static_cast<float>(second_mean))};
  std::fill_n(first, 4, mean[0]);
  std::fill_n(second, 4, mean[1]);
  if (first_deviation == 0 && second_deviation == 0) return;
  const F32 deviation[2] = {F32(static_cast<float>(first_deviation)), F32(static_cast<float>(second_deviation))};
  const auto xi = random::device_gaussians(stream, elements, number);
  for (std::size_t r = 0; r < 4; ++r) {
    first[r] = simd::fma(xi.value[r], deviation[0], mean[0]);
    second[r] = simd::fma(xi.value[4 + r], deviation[1], mean[1]);
  }
}

// One parameter by itself.
inline void draw(F32* target, double mean, double deviation, const random::Stream& stream, U32 elements,
                 std::uint32_t number) {
  F32 unused[4];
  draw_two(target, mean, deviation, unused, 0.0, 0.0, stream, elements, number);
}

// The common parameters of a block of devices.
inline void construct_pulsed(const PulsedParameters& p, const random::Stream& stream, U32 elements,
                             PulsedLanes<simd::Wide>* lanes) {
  F32 gain[4];
  F32 upper[4];
  F32 lower[4];
  F32 rho[4];
  draw_two(gain, 1.0, p.dw_min_dtod, rho, 0.0, p.up_down_dtod, stream, elements, step_draw);
  if (p.dw_min_log_normal) {
    for (F32& g : gain) g = simd::exp(g - F32(1.0F));
  }
  draw_two(upper, p.w_max, p.w_max * p.w_max_dtod, lower, p.w_min, p.w_min * p.w_min_dtod, stream, elements,
           bounds_draw);
  const F32 dw_min(static_cast<float>(p.dw_min));
  const F32 up_bias(static_cast<float>(std::fmin(p.up_down, 0.0)));
  const F32 down_bias(static_cast<float>(-std::fmax(p.up_down, 0.0)));
  for (int r = 0; r < 4; ++r) {
    lanes[r].up = simd::abs((gain[r] + up_bias + rho[r]) * dw_min);
    lanes[r].down = simd::abs((gain[r] + down_bias - rho[r]) * dw_min);
    // Crossed bounds are swapped, then each is put on its own side of zero.
    lanes[r].w_max = simd::abs(simd::max(upper[r], lower[r]));
    lanes[r].w_min = F32(0.0F) - simd::abs(simd::min(upper[r], lower[r]));
  }
}

// Devices that do not react to pulses any more: no step, both bounds at the value at which they are stuck.
inline void make_stuck(const PulsedParameters& p, const random::Stream& stream, U32 elements,
                       PulsedLanes<simd::Wide>* lanes) {
  if (p.stuck_prob <= 0) return;
  const auto chance = random::device_words(stream, elements, 0);
  const auto place = random::device_words(stream, elements, 1);
  for (int r = 0; r < 4; ++r) {
    const Mask stuck = random::open_uniform(chance.word[r]) < F32(static_cast<float>(p.stuck_prob));
    const F32 value = (random::open_uniform(place.word[r]) - F32(0.5F)) * F32(static_cast<float>(2 * p.stuck_range));
    const F32 at = simd::clamp(value, lanes[r].w_min, lanes[r].w_max);
    lanes[r].up = simd::select(stuck, F32(0.0F), lanes[r].up);
    lanes[r].down = simd::select(stuck, F32(0.0F), lanes[r].down);
    lanes[r].w_max = simd::select(stuck, at, lanes[r].w_max);
    lanes[r].w_min = simd::select(stuck, at, lanes[r].w_min);
  }
}

// The reset values of a block of devices, and how many pulses they last.
inline void construct_wear(const PulsedParameters& p, const random::Stream& stream, U32 elements, F32* reset_value,
                           F32* pulses_left) {
  const double endurance = p.endurance.value_or(0);
  draw_two(reset_value, p.reset, p.reset_dtod, pulses_left, endurance, endurance * p.endurance_dtod, stream, elements,
           wear_draw);
  const F32 most(static_cast<float>(PulsedParameters::largest_count));
  for (int r = 0; r < 4; ++r) pulses_left[r] = simd::clamp(simd::rint(pulses_left[r]), F32(0.0F), most);
}

// The one of a device's evenly spaced states that is nearest to a weight; there is one more than intervals.
template <class F> [[gnu::always_inline]] inline F nearest_state(F w, F w_min, F w_max, float intervals) {
  const F width = w_max - w_min;
  const F number = rint((w - w_min) / max(width, F(1e-30F)) * F(intervals));
  return min(fma(number, width / F(intervals), w_min), w_max);
}

// A model whose pulses change more of a device than its weight says so by `has_state`: that is its last extra plane.
// Its `pulses` take the lanes by reference, and `state(lanes)` is what the kernel stores again.
template <class Model>
concept HasState = requires { requires Model::has_state; };

}  // namespace mho::device
