// Steps that come when a hidden counter is full: each pulse moves the counter, by about one, in its direction, and
// where it reaches the number of hidden states, up or down, the weight makes a step of as many times dw_min, and the
// counter begins anew. Between its steps the weight stands still.
#pragma once

#include <array>

#include "mho/device/aggregation.h"

namespace mho::device {

class HiddenStep {
 public:
  static constexpr const char* name = "HiddenStep";
  // The counter is what pulses change: the last plane, see `HasState`.
  static constexpr std::array<const char*, 3> extra_planes{"hidden_up", "hidden_down", "hidden_count"};
  static constexpr bool has_state = true;
  static constexpr std::size_t inputs_in_flight = 2;

  explicit HiddenStep(Parameters& p)
      : pulsed_(p),
        states_(p.number("hidden_states", 1, 1e6)),
        dtod_(p.number("hidden_dtod", 0, 1e3)),
        up_down_(p.number("hidden_up_down", -1, 1)),
        up_down_dtod_(p.number("hidden_up_down_dtod", 0, 1e3)) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  // A step lasts for a whole number of pulses.
  [[nodiscard]] double granularity() const {
    const double up = pulsed_.nominal_up() * states_ / std::ceil(full() / (1 + std::fmin(up_down_, 0.0)));
    const double down = pulsed_.nominal_down() * states_ / std::ceil(full() / (1 - std::fmax(up_down_, 0.0)));
    return 0.5 * (up + down);
  }

  // What a pulse moves the counters of a block of devices by, and the counters.
  void construct_extra(const random::Stream& stream, U32 elements, PulsedLanes<simd::Wide>*, F32 (*extra)[4]) const {
    F32 gain[4];
    F32 rho[4];
    draw_two(gain, 1.0, dtod_, rho, 0.0, up_down_dtod_, stream, elements, first_model_draw);
    const F32 up_bias(static_cast<float>(std::fmin(up_down_, 0.0)));
    const F32 down_bias(static_cast<float>(-std::fmax(up_down_, 0.0)));
    for (int r = 0; r < 4; ++r) {
      extra[0][r] = simd::abs(gain[r] + up_bias + rho[r]);
      extra[1][r] = simd::abs(gain[r] + down_bias - rho[r]);
      extra[2][r] = F32(0.0F);
    }
  }

  template <class V> struct Lanes {
    typename V::F up, down;  // steps of the weight
    typename V::F w_max, w_min;
    typename V::F hidden_up, hidden_down;
    typename V::F count;
  };
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    const F states(static_cast<float>(states_));
    return Lanes<typename Planes::V>{p.up * states,
                                     p.down * states,
                                     p.w_max,
                                     p.w_min,
                                     planes(pulsed_planes),
                                     planes(pulsed_planes + 1),
                                     planes(pulsed_planes + 2)};
  }
  template <class V> [[nodiscard]] static typename V::F state(const Lanes<V>& lanes) { return lanes.count; }

  // Each pulse may be the one that fills the counter.
  static constexpr Meets usually_meets = Meets::none;
  [[nodiscard]] static Meets meets() { return Meets::none; }
  template <class V> [[nodiscard]] static typename V::U most_at_once(const Lanes<V>&) { return typename V::U(1U); }

  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    using F = typename V::F;
    using U = typename V::U;
    // n is 0 or 1.
    return [this, &lanes, w, up](U n) __attribute__((always_inline)) {
      const F zero(0.0F);
      const F moved = fma(select(up, lanes.hidden_up, zero - lanes.hidden_down), to_float(n), lanes.count);
      const auto steps = abs(moved) >= F(static_cast<float>(full()));
      lanes.count = select(steps, zero, moved);
      const F step = select(steps, select(up, lanes.up, zero - lanes.down), zero);
      return [w, step, noise = F(static_cast<float>(pulsed_.dw_min_ctoc))](F xi)
                 __attribute__((always_inline)) { return fma(step, fma(noise, xi, F(1.0F)), w); };
    };
  }

 private:
  // Where the counter is full, as well as a sum of floats can tell.
  [[nodiscard]] double full() const { return states_ * (1 - 1e-5); }

  PulsedParameters pulsed_;
  double states_;
  double dtod_;
  double up_down_, up_down_dtod_;
};

}  // namespace mho::device
