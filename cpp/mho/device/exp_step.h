// Steps that fall off exponentially towards the bounds: with z = 2 a w / (w_max - w_min) + b,
// dw+ = s+ max(1 - A+ exp(gamma+ z), 0), dw- = -s- max(1 - A- exp(-gamma- z), 0), times (1 + sigma xi);
// or, with the noise of phase-change memory, dw + sigma (|dw| + add + slope |w|) xi (Nandakumar et al., Front.
// Neurosci. 14:406, 2020). The form that Gong et al., Nat. Commun. 9:2102 (2018) fit to filamentary ReRAM.
#pragma once

#include <array>
#include <cmath>
#include <numbers>

#include "mho/device/smooth_response.h"
#include "mho/simd/math.h"

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
        up_(a_up_, gamma_up_, a_, b_),
        down_(a_down_, -gamma_down_, a_, b_) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const {
    const double up = std::fmax(1 - a_up_ * std::exp(gamma_up_ * b_), 0.0);
    const double down = std::fmax(1 - a_down_ * std::exp(-gamma_down_ * b_), 0.0);
    return 0.5 * (pulsed_.nominal_up() * up + pulsed_.nominal_down() * down);
  }

  template <class V> struct Lanes {
    typename V::F up, down;  // of the change, with its sign
    typename V::F w_max, w_min;
    typename V::F up_loss, down_loss;  // of the change with the exponential
    typename V::F rate_up, rate_down;  // of powers of two, per weight
  };
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    const F range = max(p.w_max - p.w_min, F(1e-12F));  // squares of rates stay finite
    const F down = F(0.0F) - p.down;
    return Lanes<typename Planes::V>{p.up,
                                     down,
                                     p.w_max,
                                     p.w_min,
                                     p.up * F(up_.sign),
                                     down * F(down_.sign),
                                     F(up_.rate) / range,
                                     F(down_.rate) / range};
  }

  // Noise that does not follow the step, and has a kink at weight 0, does not fit the sums of several steps.
  static constexpr Meets usually_meets = Meets::ahead;
  [[nodiscard]] Meets meets() const { return noise_of_weight_ ? Meets::none : meets_by_noise(pulsed_.dw_min_ctoc); }
  template <class V> [[nodiscard]] typename V::U most_at_once(const Lanes<V>&) const { return typename V::U(most_); }

  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    const Response<typename V::F> mean = response(lanes, w, up);
    return Step<V>{{steps_, mean, w}, this, mean.step, w};
  }

  // The same for devices without noise that follows the weight: those that may meet bounds with several pulses.
  class Usual {
   public:
    explicit Usual(const ExpStep& device) : device_(&device) {}
    template <class V>
    [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
      return SmoothPulses::Step<typename V::F>(device_->steps_, device_->response(lanes, w, up), w);
    }

   private:
    const ExpStep* device_;
  };
  [[nodiscard]] Usual usual() const { return Usual(*this); }

 private:
  template <class V> struct Step {
    using F = typename V::F;
    using U = typename V::U;
    SmoothPulses::Step<F> smooth;
    const ExpStep* device;
    F mean, w;
    [[nodiscard]] auto too_coarse(U n) const { return smooth.too_coarse(n); }
    // As the usual steps have it: whether bounds are met must not depend on which of them a kernel takes.
    [[nodiscard]] auto reach(U n) const { return smooth.reach(n); }
    [[nodiscard, gnu::always_inline]] auto operator()(U n) const {
      return [*this, n](F xi) __attribute__((always_inline)) {
        return device->noise_of_weight_ ? device->single(mean, w, n, xi) : smooth(n)(xi);
      };
    }
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
    const F rate = select(up, lanes.rate_up, lanes.rate_down);
    const F power = fma(rate, w, select(up, F(up_.at_zero), F(down_.at_zero)));
    const F loss = select(up, lanes.up_loss, lanes.down_loss) *
                   simd::exp2(clamp(power, F(-126.0F), select(up, F(up_.most), F(down_.most))));
    // Where it is all, the step is zero, and the slope does not matter.
    const F slope = rate * F(-0.6931471805599453F);
    return Response<F>{select(up, lanes.up, lanes.down) - loss, loss * slope, loss * fnma(slope, slope, F(0.0F))};
  }

  PulsedParameters pulsed_;
  double a_up_, a_down_;
  double gamma_up_, gamma_down_;
  double a_, b_;
  double noise_add_, noise_slope_;
  bool noise_of_weight_;
  std::uint32_t most_;
  SmoothPulses steps_;
  // A exp(gamma (2 a w / range + b)) as a sign and a power of two, in the precision of the kernels' loops.
  struct Exponential {
    float sign, rate, at_zero;
    float most;  // of the power: a step is not taken back, but may be added to
    Exponential(double amplitude, double gamma, double a, double b)
        : sign(amplitude < 0 ? -1.0F : 1.0F),
          rate(static_cast<float>(2 * a * gamma * std::numbers::log2e)),
          at_zero(
              static_cast<float>(gamma * b * std::numbers::log2e + std::log2(std::fmax(std::fabs(amplitude), 1e-300)))),
          most(amplitude < 0 ? 126.0F : 0.0F) {}
  } up_, down_;
};

}  // namespace mho::device
