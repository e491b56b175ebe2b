// Several pulses at once for devices whose mean step is a smooth function f of the weight, with multiplicative noise.
#pragma once

#include "mho/device/pulsed.h"

namespace mho::device {

// The mean step of one direction at a weight (its sign included) and its derivatives there.
struct Response {
  F32 step;       // f
  F32 slope;      // f'
  F32 curvature;  // f''
};

// n small steps to first order in the slope: the mean is n f (1 + (n - 1) f' / 2), and the noise of each step is carried
// along by the later ones. Valid only where the next order, the curvature seen by the noise and the remaining skewness are
// within the error that is allowed; else the pulses must be taken one at a time.
inline Aggregate smooth_pulses(const Response& response, F32 w, F32 n, F32 xi, F32 noise, F32 w_max, F32 w_min) {
  const F32 one(1.0F);
  const F32 root = simd::sqrt(n);
  const F32 v = (n - one) * response.slope;
  const F32 mean = n * simd::fma(v, F32(0.5F), one);
  const F32 spread = noise * root * (one + v);
  const F32 variance = noise * noise;
  const F32 skew = F32(0.5F) * v * variance;
  const F32 dw = response.step * (simd::fma(spread, xi, mean) + skew * simd::fma(xi, xi, F32(-1.0F)));
  const F32 factor = simd::fma(F32(sure_sigma), noise * root, n);
  const F32 reach = simd::abs(response.step) * factor;
  const F32 slope = simd::abs(response.slope);
  const F32 bend =
      simd::abs(response.step * response.curvature) * n * simd::fma(variance, F32(0.25F), n * F32(1.0F / 6.0F));
  const Mask fine = (n * slope <= F32(0.1F)) & (bend <= F32(1e-3F)) & (n * slope * slope * variance <= F32(1e-3F)) &
                    (slope * factor <= one);
  return {w + dw, (n <= one) | (fine & ((w + reach) <= w_max) & ((w - reach) >= w_min))};
}

}  // namespace mho::device
