// Steps that are interpolated between the nodes of a table: with u = (w - w_min) / (w_max - w_min),
// dw+ = s+ q+(u) (1 + sigma xi), dw- = -s- q-(u) (1 + sigma xi), q+ and q- linear between nodes at even distances from
// u = 0 to u = 1. The convention of Rasch et al., AICAS (2021).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "mho/device/look_up_table.h"
#include "mho/device/smooth_interval.h"
#include "mho/device/smooth_response.h"
#include "mho/simd/single.h"

namespace mho::device {

// What a piecewise linear function of u in [0, 1] does, in double precision.
class PiecewiseLinear {
 public:
  explicit PiecewiseLinear(std::vector<double> nodes) : nodes_(std::move(nodes)) {}
  [[nodiscard]] const std::vector<double>& nodes() const { return nodes_; }
  [[nodiscard]] double cells() const { return static_cast<double>(nodes_.size() - 1); }
  [[nodiscard]] double operator()(double u) const {
    const std::size_t i = cell(u);
    const double share = std::clamp(u, 0.0, 1.0) * cells() - static_cast<double>(i);
    return nodes_[i] + share * (nodes_[i + 1] - nodes_[i]);
  }

  // The slopes of a stretch, and its lowest value.
  struct Stretch {
    double lowest = 1e300;
    double least = 1e300;
    double steepest = -1e300;
    std::size_t first = 1;  // cells that it has: none yet
    std::size_t last = 0;
  };
  // Extends a stretch to all cells that [from, to] touches.
  void extend(Stretch& stretch, double from, double to) const {
    const std::size_t first = cell(from);
    const std::size_t last = cell(to);
    const bool empty = stretch.last < stretch.first;
    for (std::size_t i = first; i <= last; ++i) {
      if (!empty && i >= stretch.first && i <= stretch.last) continue;
      const double slope = (nodes_[i + 1] - nodes_[i]) * cells();
      stretch.lowest = std::fmin(stretch.lowest, std::fmin(nodes_[i], nodes_[i + 1]));
      stretch.least = std::fmin(stretch.least, slope);
      stretch.steepest = std::fmax(stretch.steepest, slope);
    }
    stretch.first = empty ? first : std::min(first, stretch.first);
    stretch.last = empty ? last : std::max(last, stretch.last);
  }

 private:
  [[nodiscard]] std::size_t cell(double u) const {
    const auto i = static_cast<std::size_t>(std::clamp(u, 0.0, 1.0) * cells());
    return std::min(i, nodes_.size() - 2);
  }
  std::vector<double> nodes_;
};

class PiecewiseStep {
 public:
  static constexpr const char* name = "PiecewiseStep";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t inputs_in_flight = 4;

  explicit PiecewiseStep(Parameters& p)
      : PiecewiseStep(PulsedParameters(p), read(p, "nodes_up"), read(p, "nodes_down")) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return granularity_; }

  template <class V> struct Lanes {
    typename V::F up, down;
    typename V::F w_max, w_min;
    typename V::F inverse;  // 1 / (w_max - w_min)
    // The weights between which several pulses may be taken at once.
    typename V::F up_low, up_high;
    typename V::F down_low, down_high;
  };
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    const F width = max(p.w_max - p.w_min, F(1e-30F));
    const F inverse = F(1.0F) / width;
    const auto ups = together_.up.of(p.up * inverse);
    const auto downs = together_.down.of(p.down * inverse);
    const auto weight = [&](F coordinate) { return fma(coordinate, width, p.w_min); };
    return Lanes<typename Planes::V>{p.up,
                                     p.down,
                                     p.w_max,
                                     p.w_min,
                                     inverse,
                                     weight(ups.low),
                                     weight(ups.high),
                                     weight(downs.low),
                                     weight(downs.high)};
  }

  static constexpr Meets usually_meets = Meets::ahead;
  [[nodiscard]] Meets meets() const { return meets_by_noise(pulsed_.dw_min_ctoc); }
  template <class V> [[nodiscard]] typename V::U most_at_once(const Lanes<V>&) const {
    return typename V::U(together_.most);
  }

  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
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
    const auto outside =
        (w > select(up, lanes.up_high, lanes.down_high)) | (w < select(up, lanes.up_low, lanes.down_low));
    return Step<V>{{steps_, response, w}, outside};
  }

 private:
  template <class V> struct Step {
    SmoothPulses::Step<typename V::F, false> smooth;
    typename V::M outside;  // of the interval in which several pulses may be taken at once
    [[nodiscard]] auto too_coarse(typename V::U /*n*/) const { return outside; }
    [[nodiscard]] auto operator()(typename V::U n) const { return smooth(n); }
  };

  // Of the tables themselves nothing is kept that is not needed in a kernel.
  PiecewiseStep(const PulsedParameters& pulsed, const PiecewiseLinear& up, const PiecewiseLinear& down)
      : pulsed_(pulsed),
        granularity_(mean_step_at_zero(pulsed, up, down)),
        table_(joined(up, down)),
        first_down_(static_cast<std::uint32_t>(up.nodes().size() + 1)),
        cells_up_(static_cast<float>(up.cells())),
        cells_down_(static_cast<float>(down.cells())),
        steps_(pulsed.dw_min_ctoc),
        together_([&](bool upwards, std::uint32_t n) {
          return upwards ? interval(pulsed, steps_, up, 1, pulsed.nominal_up(), n)
                         : interval(pulsed, steps_, down, -1, pulsed.nominal_down(), n);
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

  // Within a cell the steps are linear, and n pulses are taken as if the slope stayed what it is where they start.
  // Pulse i + 1 then begins at a distance d of about i steps, and its mean is off by at most d times what the slope
  // varies by on the way. The sum of these is held below 0.15 % of the mean of n pulses (0.2 % are allowed). That of
  // the variance is of the order of twice that of the mean.
  static SmoothInterval interval(const PulsedParameters& p, const SmoothPulses& steps, const PiecewiseLinear& f,
                                 double sign, double step, std::uint32_t n) {
    const double sigma = p.dw_min_ctoc;
    // A point of the interval's grid stands for all that is nearer to it than to others, looked at in four parts.
    constexpr double half_part = 1.0 / (8 * SmoothInterval::points);
    const auto within_error = [&](double u, double share) {
      // Slopes are kept so small below that steps grow by less than a tenth on the way.
      const double largest =
          1.1 * share * std::fmax(std::fabs(f(u)), std::fmax(std::fabs(f(u - half_part)), std::fabs(f(u + half_part))));
      PiecewiseLinear::Stretch on_the_way;
      f.extend(on_the_way, u - half_part, u + half_part);
      double error = 0;
      for (std::uint32_t i = 1; i < n; ++i) {
        const double mean = i * largest;
        const double noise = sigma * std::sqrt(static_cast<double>(i)) * largest;
        const double behind = half_part + std::fmax(2 * noise - mean, 0.0);
        const double ahead = half_part + mean + 2 * noise;
        f.extend(on_the_way, u - (sign > 0 ? behind : ahead), u + (sign > 0 ? ahead : behind));
        error += share * (on_the_way.steepest - on_the_way.least) * std::hypot(mean, noise);
      }
      return on_the_way.lowest >= 0 && error <= 1.5e-3 * n * largest;
    };
    const auto is_fine = [&](double u, double share) {
      for (const int part : {-3, -1, 1, 3}) {
        if (!within_error(u + part * half_part, share)) return false;
      }
      PiecewiseLinear::Stretch here;
      f.extend(here, u - 4 * half_part, u + 4 * half_part);
      const double slope = share * std::fmax(std::fabs(here.least), std::fabs(here.steepest));
      const simd::F1 none(0.0F);
      const Response<simd::F1> response{none, simd::F1(static_cast<float>(slope)), none};
      return !SmoothPulses::Step<simd::F1, false>(steps, response, none).too_coarse(simd::U1(n)).v;
    };
    return {is_fine, step / std::fmax(p.w_max - p.w_min, 1e-30)};
  }

  PulsedParameters pulsed_;
  double granularity_;
  LookUpTable table_;
  std::uint32_t first_down_;  // where its second half begins
  float cells_up_, cells_down_;
  SmoothPulses steps_;
  SmoothIntervals together_;
};

}  // namespace mho::device
