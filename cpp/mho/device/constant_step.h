// Steps of the same size at every weight: dw = s (1 + sigma xi), between hard bounds.
// Gokmen and Vlasov, Front. Neurosci. 10:333 (2016).
#pragma once

#include <array>

#include "mho/device/aggregation.h"

namespace mho::device {

class ConstantStep {
 public:
  static constexpr const char* name = "ConstantStep";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t inputs_in_flight = simd::parts == 1 ? 2 : 1;

  explicit ConstantStep(Parameters& p)
      : pulsed_(p), noise_([this](double n) { return pulsed_.dw_min_ctoc * std::sqrt(n); }) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return 0.5 * (pulsed_.nominal_up() + pulsed_.nominal_down()); }
  template <class V> using Lanes = PulsedLanes<V>;
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    return load_pulsed(planes);
  }

  static constexpr Meets usually_meets = Meets::ahead;
  [[nodiscard]] Meets meets() const { return meets_by_noise(pulsed_.dw_min_ctoc); }
  template <class V> [[nodiscard]] static typename V::U most_at_once(const Lanes<V>&) {
    return typename V::U(most_pulses_at_once);
  }

  // n steps add up to n s + sqrt(n) s sigma xi, exactly, as long as no partial sum meets a bound.
  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    using F = typename V::F;
    using U = typename V::U;
    return [&noise = noise_, w, s = select(up, lanes.up, F(0.0F) - lanes.down)](U n) __attribute__((always_inline)) {
      return [=, count = to_float(n), spread = noise(n)](F xi)
                 __attribute__((always_inline)) { return fma(s, fma(spread, xi, count), w); };
    };
  }

 private:
  PulsedParameters pulsed_;
  CountTable noise_;
};

}  // namespace mho::device
