// Steps of the same size at every weight: dw = s (1 + sigma xi), between hard bounds.
// Gokmen and Vlasov, Front. Neurosci. 10:333 (2016).
#pragma once

#include <array>

#include "mho/device/pulsed.h"

namespace mho::device {

class ConstantStep {
 public:
  static constexpr const char* name = "ConstantStep";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t inputs_in_flight = 2;

  explicit ConstantStep(Parameters& p)
      : pulsed_(p),
        most_(most_within_reach(pulsed_, pulsed_.dw_min_ctoc)),
        noise_([this](double n) { return pulsed_.dw_min_ctoc * std::sqrt(n); }),
        reach_{static_cast<float>(pulse_reach(most_, pulsed_.dw_min_ctoc)),
               static_cast<float>(pulse_reach(few_pulses_at_once, pulsed_.dw_min_ctoc))} {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return 0.5 * (pulsed_.nominal_up() + pulsed_.nominal_down()); }
  [[nodiscard]] std::uint32_t most_at_once() const { return most_; }

  template <class V> using Lanes = PulsedLanes<V>;
  template <class Planes> [[nodiscard]] auto load(const Planes& planes) const { return load_pulsed(planes); }

  [[nodiscard]] bool limits_behind() const { return pulsed_.dw_min_ctoc > rarely_reversed; }
  template <class V> [[nodiscard]] AggregationRange<V> range(const Lanes<V>& lanes, AtOnce count) const {
    const typename V::F reach(reach_[static_cast<std::size_t>(count)]);
    AggregationRange<V> r{fnma(reach, lanes.up, lanes.w_max), fma(reach, lanes.down, lanes.w_min),
                          fma(reach, lanes.up, lanes.w_min), fnma(reach, lanes.down, lanes.w_max)};
    r.include_limits();
    return r;
  }

  // n steps add up to n s + sqrt(n) s sigma xi, exactly, as long as no partial sum meets a bound.
  template <class V>
  [[nodiscard]] typename V::F pulses(const Lanes<V>& lanes, typename V::F w, typename V::M up, typename V::U n,
                                     typename V::F xi) const {
    const auto s = select(up, lanes.up, typename V::F(0.0F) - lanes.down);
    return fma(s, fma(noise_(n), xi, to_float(n)), w);
  }

 private:
  PulsedParameters pulsed_;
  std::uint32_t most_;
  CountTable noise_;
  float reach_[2];  // of most and of few
};

}  // namespace mho::device
