// The response of devices whose mean step is linear in the weight: dw = a + k w, in each direction.
#pragma once

#include "mho/device/pulsed.h"

namespace mho::device {

struct LinearLanes {
  F32 up_step, up_slope;      // dw of a potentiation at w: up_step + up_slope w
  F32 down_step, down_slope;  // dw of a depression at w (negative at 0): down_step + down_slope w
  F32 w_max, w_min;
};

class LinearResponse {
 public:
  LinearResponse(double noise, bool multiplicative)
      : noise_(static_cast<float>(noise)),
        variance_(static_cast<float>(noise * noise)),
        multiplicative_(multiplicative) {}

  [[nodiscard]] F32 pulse(const LinearLanes& lanes, F32 w, Mask up, F32 xi) const {
    const F32 step = simd::select(up, lanes.up_step, lanes.down_step);
    const F32 slope = simd::select(up, lanes.up_slope, lanes.down_slope);
    const F32 dw = simd::fma(slope, w, step);
    if (multiplicative_) return w + dw * simd::fma(noise_, xi, F32(1.0F));
    // The sum is rounded once, after the noise: rounding w + dw first would bias small steps.
    return w + simd::fma(step, noise_ * xi, dw);
  }

  // With u = -slope, n pulses multiply the distance to the point of no step by n independent factors 1 - u (1 + sigma
  // xi) (multiplicative noise), or make an autoregressive sum (additive noise). Mean, variance and, to first order,
  // skewness of the n-pulse step follow in closed form; their series in n u are cut where the mean is off by less than
  // 0.1 % and the variance by less than 0.6 %. Beyond, and where a bound is within reach, the pulses are taken one at a
  // time.
  [[nodiscard]] Aggregate pulses(const LinearLanes& lanes, F32 w, Mask up, F32 n, F32 xi) const {
    const F32 one(1.0F);
    const F32 step = simd::select(up, lanes.up_step, lanes.down_step);
    const F32 u = F32(0.0F) - simd::select(up, lanes.up_slope, lanes.down_slope);
    const F32 f = simd::fnma(u, w, step);
    const F32 root = simd::sqrt(n);
    const F32 v = (n - one) * u;                         // (n - 1) u
    const F32 v2 = v * simd::fnma(F32(2.0F), u, n * u);  // (n - 1)(n - 2) u^2
    const F32 mean = n * simd::fma(v2, F32(1.0F / 6.0F), simd::fnma(v, F32(0.5F), one));
    const F32 nu = simd::abs(n * u);
    F32 dw;
    F32 reach;
    Mask fine;
    if (multiplicative_) {
      const F32 spread = noise_ * root * simd::fma(v2, F32(0.5F), one - v);
      const F32 skew = F32(0.5F) * v * variance_;
      dw = f * (simd::fma(spread, xi, mean) - skew * simd::fma(xi, xi, F32(-1.0F)));
      reach = simd::abs(f) * simd::fma(F32(sure_sigma), noise_ * root, n);
      fine = (nu <= F32(0.25F)) & (n * u * u * variance_ <= F32(1e-3F));
    } else {
      const F32 spread = noise_ * root * simd::fnma(v, F32(0.5F), one);
      dw = simd::fma(step * spread, xi, f * mean);
      reach = simd::fma(simd::abs(step), F32(sure_sigma) * noise_ * root, simd::abs(f) * n);
      fine = nu <= F32(0.1F);
    }
    return {w + dw, (n <= one) | (fine & ((w + reach) <= lanes.w_max) & ((w - reach) >= lanes.w_min))};
  }

 private:
  F32 noise_;
  F32 variance_;
  bool multiplicative_;
};

}  // namespace mho::device
