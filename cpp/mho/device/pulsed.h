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
#include "mho/random/stream.h"

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
  std::optional<double> granularity;

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
        stuck_range(p.number("stuck_range", 0, 1e6)) {
    if (p.has("granularity")) granularity = p.number("granularity", 1e-12, 1e6);
  }

  [[nodiscard]] double nominal_up() const { return (1.0 + std::fmin(up_down, 0.0)) * dw_min; }
  [[nodiscard]] double nominal_down() const { return (1.0 - std::fmax(up_down, 0.0)) * dw_min; }
};

// The parameters of sixteen devices of one row.
struct PulsedLanes {
  F32 up;    // size of a potentiation step, >= 0
  F32 down;  // size of a depression step, >= 0
  F32 w_max;
  F32 w_min;
};

// The arrays that every pulsed device has, in the order of the planes.
inline constexpr std::size_t pulsed_planes = 4;
inline constexpr const char* pulsed_plane_names[pulsed_planes] = {"dw_min_up", "dw_min_down", "w_max", "w_min"};

// Where the parameters of sixteen devices come from: neighbours in a row, or any of a row.
struct Neighbours {
  const float* const* planes;
  std::size_t offset;
  F32 operator()(std::size_t plane) const { return F32::load(planes[plane] + offset); }
};
struct Scattered {
  const float* const* planes;
  std::size_t row;
  U32 column;
  F32 operator()(std::size_t plane) const { return simd::gather(planes[plane] + row, column); }
};

template <class Planes> PulsedLanes load_pulsed(const Planes& planes) {
  return {planes(0), planes(1), planes(2), planes(3)};
}

// Draws of a device's construction. Models number their own from first_model_draw on.
inline constexpr std::uint32_t gain_draw = 0;
inline constexpr std::uint32_t up_down_draw = 1;
inline constexpr std::uint32_t w_max_draw = 2;
inline constexpr std::uint32_t w_min_draw = 3;
inline constexpr std::uint32_t first_model_draw = 16;

// mean + deviation * xi, for four rows of sixteen devices.
inline void draw(F32* target, double mean, double deviation, const random::Stream& stream, std::uint32_t element,
                 std::uint32_t number) {
  const F32 m(static_cast<float>(mean));
  std::fill_n(target, 4, m);
  if (deviation == 0) return;
  const auto xi = stream.gaussians(element, number);
  for (int r = 0; r < 4; ++r) target[r] = simd::fma(xi.value[r], F32(static_cast<float>(deviation)), m);
}

// The common parameters of four rows of sixteen devices.
inline void construct_pulsed(const PulsedParameters& p, const random::Stream& stream, std::uint32_t element,
                             PulsedLanes* lanes) {
  F32 gain[4];
  F32 upper[4];
  F32 lower[4];
  F32 rho[4];
  draw(gain, 1.0, p.dw_min_dtod, stream, element, gain_draw);
  if (p.dw_min_log_normal) {
    for (F32& g : gain) g = simd::exp(g - F32(1.0F));
  }
  draw(rho, 0.0, p.up_down_dtod, stream, element, up_down_draw);
  draw(upper, p.w_max, p.w_max * p.w_max_dtod, stream, element, w_max_draw);
  draw(lower, p.w_min, p.w_min * p.w_min_dtod, stream, element, w_min_draw);
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
inline void make_stuck(const PulsedParameters& p, const random::Stream& stream, std::uint32_t element,
                       PulsedLanes* lanes) {
  if (p.stuck_prob <= 0) return;
  const auto chance = stream.words(element, 0);
  const auto place = stream.words(element, 1);
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

// Several pulses in one step.
struct Aggregate {
  F32 weight;  // after the pulses, before the bounds
  Mask valid;  // lanes where this is exact in distribution, or within the error that is allowed
};

// Deviations beyond this many sigma are not considered when a device is said to be away from its bounds (2e-9).
inline constexpr float sure_sigma = 6.0F;

}  // namespace mho::device
