// Steps that fall off exponentially towards the bounds: with z = 2 a w / (w_max - w_min) + b,
// dw+ = s+ max(1 - A+ exp(gamma+ z), 0), dw- = -s- max(1 - A- exp(-gamma- z), 0), times (1 + sigma xi);
// or, with the noise of phase-change memory, dw + sigma (|dw| + add + slope |w|) xi (Nandakumar et al., Front.
// Neurosci. 14:406, 2020). The form that Gong et al., Nat. Commun. 9:2102 (2018) fit to filamentary ReRAM.
#pragma once

#include <array>

#include "mho/device/smooth_response.h"

namespace mho::device {

class ExpStep {
 public:
  static constexpr const char* name = "ExpStep";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t inputs_in_flight = simd::parts == 1 ? 2 : 1;

  explicit ExpStep(Parameters& p)
      : pulsed_(p),
        a_up_(p.number("A_up", -1e6, 1e6)),
        a_down_(p.number("A_down", -1e6, 1e6)),
        gamma_up_(p.number("gamma_up", -1e3, 1e3)),
        gamma_down_(p.number("gamma_down", -1e3, 1e3)),
        a_(p.number("a", -1e3, 1e3)),
        b_(p.number("b", -1e3, 1e3)),
        noise_add_(p.number("dw_min_ctoc_add", 0, 1e6)),
        noise_slope_(p.number("dw_min_ctoc_slope", 0, 1e6)),
        noise_of_weight_(noise_add_ > 0 || noise_slope_ > 0),
        most_(noise_of_weight_ ? 1 : most_within_reach(pulsed_)),
        steps_(pulsed_.dw_min_ctoc),
        per_weight_(static_cast<float>(2 * a_)),
        up_{static_cast<float>(a_up_), static_cast<float>(gamma_up_), static_cast<float>(gamma_up_ * b_)},
        down_{static_cast<float>(a_down_), static_cast<float>(-gamma_down_), static_cast<float>(-gamma_down_ * b_)} {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const {
    const double up = std::fmax(1 - a_up_ * std::exp(gamma_up_ * b_), 0.0);
    const double down = std::fmax(1 - a_down_ * std::exp(-gamma_down_ * b_), 0.0);
    return 0.5 * (pulsed_.nominal_up() * up + pulsed_.nominal_down() * down);
  }

  template <class V> struct Lanes {
    typename V::F up, down;
    typename V::F w_max, w_min;
    typename V::F rate_up, rate_down;  // of the exponentials, per weight
  };
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    const F per_weight = F(per_weight_) / max(p.w_max - p.w_min, F(1e-30F));
    return Lanes<typename Planes::V>{
        p.up, p.down, p.w_max, p.w_min, per_weight * F(up_.rate), per_weight * F(down_.rate)};
  }

  // Noise that does not follow the step, and has a kink at weight 0, does not fit the sums of several steps.
  static constexpr Meets usually_meets = Meets::ahead;
  [[nodiscard]] Meets meets() const { return noise_of_weight_ ? Meets::none : meets_by_noise(pulsed_.dw_min_ctoc); }
  template <class V> [[nodiscard]] typename V::U most_at_once(const Lanes<V>&) const { return typename V::U(most_); }

  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    return Step<V>(*this, response(lanes, w, up), w);
  }

 private:
  template <class V> class Step : public SmoothPulses::Step<typename V::F> {
    using F = typename V::F;
    using U = typename V::U;
    using Smooth = SmoothPulses::Step<F>;

   public:
    Step(const ExpStep& device, const Response<F>& response, F w)
        : Smooth(device.steps_, response, w), device_(device) {}
    [[nodiscard, gnu::always_inline]] auto operator()(U n) const {
      return [&device = device_, after = Smooth::operator()(n), mean = Smooth::response().step, w = Smooth::weight(),
              n](F xi) __attribute__((always_inline)) {
        if (device.noise_of_weight_) [[unlikely]]
          return device.single(mean, w, n, xi);
        return after(xi);
      };
    }

   private:
    const ExpStep& device_;
  };

  // One pulse or none, with noise that follows the weight.
  template <class F, class U> [[nodiscard]] F single(F step, F w, U n, F xi) const {
    const F size = fma(F(static_cast<float>(noise_slope_)), abs(w), abs(step) + F(static_cast<float>(noise_add_)));
    const F noise = F(static_cast<float>(pulsed_.dw_min_ctoc)) * size;
    return fma(to_float(n), fma(noise, xi, step), w);
  }

  template <class V>
  [[nodiscard, gnu::always_inline]] auto response(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    using F = typename V::F;
    const F s = select(up, lanes.up, F(0.0F) - lanes.down);
    const F rate = select(up, lanes.rate_up, lanes.rate_down);
    const F at_zero = select(up, F(up_.at_zero), F(down_.at_zero));
    const F amplitude = select(up, F(up_.amplitude), F(down_.amplitude));
    // Where it is 1, the step is zero, and the slope does not matter.
    const F e = min(amplitude * simd::exp(fma(rate, w, at_zero)), F(1.0F));
    const F slope = F(0.0F) - s * e * rate;
    return Response<F>{s - s * e, slope, slope * rate};
  }

  PulsedParameters pulsed_;
  double a_up_, a_down_;
  double gamma_up_, gamma_down_;
  double a_, b_;
  double noise_add_, noise_slope_;
  bool noise_of_weight_;
  std::uint32_t most_;
  SmoothPulses steps_;
  // What the loops of the kernels need, in their precision.
  float per_weight_;
  struct Exponential {
    float amplitude, rate, at_zero;
  } up_, down_;
};

}  // namespace mho::device
