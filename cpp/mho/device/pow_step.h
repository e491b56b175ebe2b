// Steps that fall off as a power of the distance to the bound: with R = w_max - w_min,
// dw+ = s+ ((w_max - w) / R)^gamma+, dw- = -s- ((w - w_min) / R)^gamma-, times (1 + sigma xi).
// The form of Fusi and Abbott, Nat. Neurosci. 10:485 (2007), and of the analysis of Wu et al., arXiv 2406.12774 (2024).
#pragma once

#include <array>

#include "mho/device/smooth_response.h"

namespace mho::device {

class PowStep {
 public:
  static constexpr const char* name = "PowStep";
  static constexpr std::array<const char*, 2> extra_planes{"gamma_up", "gamma_down"};
  static constexpr std::size_t inputs_in_flight = 4;

  explicit PowStep(Parameters& p)
      : pulsed_(p),
        gamma_(p.number("pow_gamma", 0, 1e3)),
        gamma_dtod_(p.number("pow_gamma_dtod", 0, 1e3)),
        up_down_(p.number("pow_up_down", -1, 1)),
        up_down_dtod_(p.number("pow_up_down_dtod", 0, 1e3)),
        steps_(pulsed_.dw_min_ctoc) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return 0.5 * (mean_size(true, 0) + mean_size(false, 0)); }

  // The exponents of a block of devices.
  void construct_extra(const random::Stream& stream, U32 elements, const PulsedLanes<simd::Wide>*,
                       F32 (*extra)[4]) const {
    F32 up[4];
    F32 down[4];
    F32 asymmetry[4];
    draw_two(up, 1.0, gamma_dtod_, down, 1.0, gamma_dtod_, stream, elements, first_model_draw);
    draw(asymmetry, up_down_, up_down_dtod_, stream, elements, first_model_draw + 1);
    const F32 gamma(static_cast<float>(gamma_));
    for (int r = 0; r < 4; ++r) {
      extra[0][r] = gamma * simd::abs(up[r] + asymmetry[r]);
      extra[1][r] = gamma * simd::abs(down[r] - asymmetry[r]);
    }
  }

  template <class V> struct Lanes {
    typename V::F up, down;
    typename V::F w_max, w_min;
    typename V::F width;  // w_max - w_min
    typename V::F gamma_up, gamma_down;
  };
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    return Lanes<typename Planes::V>{p.up,
                                     p.down,
                                     p.w_max,
                                     p.w_min,
                                     max(p.w_max - p.w_min, F(1e-30F)),
                                     planes(pulsed_planes),
                                     planes(pulsed_planes + 1)};
  }

  static constexpr Meets usually_meets = Meets::ahead;
  [[nodiscard]] Meets meets() const { return meets_by_noise(pulsed_.dw_min_ctoc); }
  template <class V> [[nodiscard]] static typename V::U most_at_once(const Lanes<V>&) {
    return typename V::U(most_pulses_at_once);
  }

  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    return SmoothPulses::Step<typename V::F>(steps_, response(lanes, w, up), w);
  }

 protected:
  template <class F> [[gnu::always_inline]] static F power(F base, F exponent) {
    return simd::exp(F(0.0F) - exponent * simd::negative_log(base));
  }
  // Size of the mean device's steps.
  [[nodiscard]] double mean_size(bool up, double w) const {
    const double distance = up ? pulsed_.w_max - w : w - pulsed_.w_min;
    const double step = up ? pulsed_.nominal_up() : pulsed_.nominal_down();
    return step * std::pow(distance / (pulsed_.w_max - pulsed_.w_min), mean_gamma(up));
  }

 private:
  [[nodiscard]] double mean_gamma(bool up) const { return gamma_ * (up ? 1 + up_down_ : 1 - up_down_); }
  template <class V>
  [[nodiscard, gnu::always_inline]] static auto response(const Lanes<V>& lanes, typename V::F w, typename V::M up) {
    using F = typename V::F;
    // At the bound itself neither the power nor its derivatives are finite for every exponent.
    const F distance = max(select(up, lanes.w_max - w, w - lanes.w_min), lanes.width * F(1e-6F));
    const F gamma = select(up, lanes.gamma_up, lanes.gamma_down);
    const F step = power(distance / lanes.width, gamma) * select(up, lanes.up, F(0.0F) - lanes.down);
    const F slope = F(0.0F) - gamma * abs(step) / distance;
    return Response<F>{step, slope, gamma * (gamma - F(1.0F)) * (step / distance) / distance};
  }

  PulsedParameters pulsed_;
  double gamma_, gamma_dtod_;
  double up_down_, up_down_dtod_;
  SmoothPulses steps_;
};

}  // namespace mho::device
