// Steps that are interpolated between the nodes of a table: with u = (w - w_min) / (w_max - w_min),
// dw+ = s+ q+(u) (1 + sigma xi), dw- = -s- q-(u) (1 + sigma xi), q+ and q- linear between nodes at even distances from
// u = 0 to u = 1. The convention of Rasch et al., AICAS (2021).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "mho/device/look_up_table.h"
#include "mho/device/smooth_response.h"

namespace mho::device {

// What a piecewise linear function of u in [0, 1] does, in double precision.
class PiecewiseLinear {
 public:
  explicit PiecewiseLinear(std::vector<double> nodes) : nodes_(std::move(nodes)) {
    for (const double node : nodes_) largest_ = std::fmax(largest_, std::fabs(node));
  }
  [[nodiscard]] const std::vector<double>& nodes() const { return nodes_; }
  [[nodiscard]] double cells() const { return static_cast<double>(nodes_.size() - 1); }
  [[nodiscard]] double largest() const { return largest_; }
  [[nodiscard]] double operator()(double u) const {
    const std::size_t i = cell(u);
    const double share = std::clamp(u, 0.0, 1.0) * cells() - static_cast<double>(i);
    return nodes_[i] + share * (nodes_[i + 1] - nodes_[i]);
  }

  struct Extremes {
    double lowest;           // of the value
    double least, steepest;  // of the slope
  };
  // Over all cells that [from, to] touches.
  [[nodiscard]] Extremes extremes(double from, double to) const {
    const std::size_t first = cell(from);
    const std::size_t last = cell(to);
    Extremes e{nodes_[first], 1e300, -1e300};
    for (std::size_t i = first; i <= last; ++i) {
      const double slope = (nodes_[i + 1] - nodes_[i]) * cells();
      e.lowest = std::fmin(e.lowest, nodes_[i + 1]);
      e.least = std::fmin(e.least, slope);
      e.steepest = std::fmax(e.steepest, slope);
    }
    return e;
  }

 private:
  [[nodiscard]] std::size_t cell(double u) const {
    const auto i = static_cast<std::size_t>(std::clamp(u, 0.0, 1.0) * cells());
    return std::min(i, nodes_.size() - 2);
  }
  std::vector<double> nodes_;
  double largest_ = 0;
};

class PiecewiseStep {
 public:
  static constexpr const char* name = "PiecewiseStep";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t rows_in_flight = 4;

  explicit PiecewiseStep(Parameters& p)
      : PiecewiseStep(PulsedParameters(p), read(p, "nodes_up"), read(p, "nodes_down")) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return granularity_; }

  [[nodiscard]] std::uint32_t most_at_once() const { return together_.most; }

  template <class V> struct Lanes {
    typename V::F up, down;
    typename V::F w_max, w_min;
    typename V::F width;    // w_max - w_min
    typename V::F inverse;  // 1 / width
  };
  template <class Planes> [[nodiscard]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    const F width = max(p.w_max - p.w_min, F(1e-30F));
    return Lanes<typename Planes::V>{p.up, p.down, p.w_max, p.w_min, width, F(1.0F) / width};
  }

  [[nodiscard]] bool limits_behind() const { return true; }
  template <class V> [[nodiscard]] AggregationRange<V> range(const Lanes<V>& lanes) const {
    using F = typename V::F;
    AggregationRange<V> r;
    together_.up.of(lanes.up, lanes.width, r.up_low, r.up_high);
    together_.down.of(lanes.down, lanes.width, r.down_low, r.down_high);
    const auto weight = [&](F coordinate) { return fma(coordinate, lanes.width, lanes.w_min); };
    const F up_reach = F(largest_up_ * together_.reach) * lanes.up;
    const F down_reach = F(largest_down_ * together_.reach) * lanes.down;
    const bool reversed = pulsed_.dw_min_ctoc > rarely_reversed;
    r.up_high = min(weight(r.up_high), lanes.w_max - up_reach);
    r.down_low = max(weight(r.down_low), lanes.w_min + down_reach);
    r.up_low = max(weight(r.up_low), reversed ? lanes.w_min + up_reach : F(-unlimited));
    r.down_high = min(weight(r.down_high), reversed ? lanes.w_max - down_reach : F(unlimited));
    r.include_limits();
    return r;
  }

  template <class V>
  [[nodiscard]] typename V::F pulses(const Lanes<V>& lanes, typename V::F w, typename V::M up, typename V::U n,
                                     typename V::F xi) const {
    using F = typename V::F;
    using U = typename V::U;
    const F cells = select(up, F(cells_up_), F(cells_down_));
    const F per_weight = cells * lanes.inverse;
    const auto place = grid_place((w - lanes.w_min) * per_weight, cells);
    F at;
    F next;
    look_up_neighbours(table_.values(), round_to_int(place.node) + select(up, U(0U), U(first_down_)), at, next);
    const F s = select(up, lanes.up, F(0.0F) - lanes.down);
    const F rise = next - at;
    const Response<F> response{s * fma(place.share, rise, at), s * rise * per_weight, F(0.0F)};
    return steps_(response, w, n, xi);
  }

 private:
  // Of the tables themselves nothing is kept that is not needed in a kernel.
  PiecewiseStep(const PulsedParameters& pulsed, const PiecewiseLinear& up, const PiecewiseLinear& down)
      : pulsed_(pulsed),
        granularity_(mean_step_at_zero(pulsed, up, down)),
        table_(joined(up, down)),
        first_down_(static_cast<std::uint32_t>(up.nodes().size() + 1)),
        cells_up_(static_cast<float>(up.cells())),
        cells_down_(static_cast<float>(down.cells())),
        largest_up_(static_cast<float>(up.largest())),
        largest_down_(static_cast<float>(down.largest())),
        steps_(pulsed.dw_min_ctoc),
        together_(
            most_within_reach(pulsed, pulsed.dw_min_ctoc), pulsed.dw_min_ctoc, [&](bool upwards, std::uint32_t n) {
              return interval(pulsed, upwards ? up : down, upwards ? pulsed.nominal_up() : pulsed.nominal_down(), n);
            }) {}

  static double mean_step_at_zero(const PulsedParameters& p, const PiecewiseLinear& up, const PiecewiseLinear& down) {
    const double zero = -p.w_min / (p.w_max - p.w_min);
    return 0.5 * (p.nominal_up() * up(zero) + p.nominal_down() * down(zero));
  }

  static PiecewiseLinear read(Parameters& p, const std::string& name) {
    std::vector<double> nodes = p.numbers(name);
    if (nodes.size() < 2 || nodes.size() > 1024) {
      fail_value(p.section() + "." + name + " must have 2 to 1024 nodes, got " + std::to_string(nodes.size()));
    }
    for (const double node : nodes) {
      if (std::fabs(node) > 1e6) fail_value(p.section() + "." + name + " must be in [-1e6, 1e6]");
    }
    return PiecewiseLinear(std::move(nodes));
  }

  // The nodes of both directions, one value more behind those of each.
  static std::vector<float> joined(const PiecewiseLinear& up, const PiecewiseLinear& down) {
    std::vector<float> values;
    for (const PiecewiseLinear* f : {&up, &down}) {
      for (const double node : f->nodes()) values.push_back(static_cast<float>(node));
      values.push_back(values.back());
    }
    return values;
  }

  // Within a cell the steps are linear. Pulses that pass nodes are taken as if the slope stayed as it is: while it
  // varies by d over what n pulses can reach, their mean is off by at most d times the mean distance from the start,
  // n / 2 steps and (2/3) sigma sqrt(n) of noise. That is held to half of what is allowed; the variance is off by
  // at most twice that of the mean.
  static SmoothInterval interval(const PulsedParameters& p, const PiecewiseLinear& f, double step, std::uint32_t n) {
    const double sigma = p.dw_min_ctoc;
    const double count = n;
    const double distance = count / 2 + sigma * std::sqrt(count) * 2 / 3;
    const auto response = [&, n](double u, double share) {
      // What is between this point and its neighbours on the grid of the interval belongs to it, too.
      const double reach = share * f.largest() * pulse_reach(n, sigma) + 1.0 / SmoothInterval::points;
      const auto e = f.extremes(u - reach, u + reach);
      if (e.lowest < 0 || share * (e.steepest - e.least) * distance > 1e-3) return Response<double>{0, 1, 1};
      return Response<double>{share * f(u), share * std::fmax(std::fabs(e.least), std::fabs(e.steepest)), 0};
    };
    return {response, step / std::fmax(p.w_max - p.w_min, 1e-30), n, sigma};
  }

  PulsedParameters pulsed_;
  double granularity_;
  LookUpTable table_;
  std::uint32_t first_down_;  // where its second half begins
  float cells_up_, cells_down_;
  float largest_up_, largest_down_;
  SmoothPulses steps_;
  SmoothIntervals together_;
};

}  // namespace mho::device
