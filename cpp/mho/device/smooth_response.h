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

// n small steps, to second order in the slope f' and first in f f'': the mean
// n f (1 + (n - 1) f' / 2 + (n - 1)(n - 2) f'^2 / 6 + (n - 1)(2 n - 1) f f'' / 12 + (n - 1) sigma^2 f f'' / 4), and the
// noise of each step carried along by the later ones. Valid only where what is left out is within the error that is
// allowed; else the pulses must be taken one at a time.
inline Aggregate smooth_pulses(const Response& response, F32 w, F32 n, F32 xi, F32 noise, F32 w_max, F32 w_min) {
  const F32 one(1.0F);
  const F32 root = simd::sqrt(n);
  const F32 variance = noise * noise;
  const F32 v = (n - one) * response.slope;
  const F32 bend = (n - one) * response.step * response.curvature;
  const F32 steps = simd::fma(F32(2.0F), n, F32(-1.0F));  // 2 n - 1
  F32 mean = simd::fma(v, F32(0.5F), one);
  mean = simd::fma(v * response.slope * (n - F32(2.0F)), F32(1.0F / 6.0F), mean);
  mean = n * simd::fma(bend, simd::fma(steps, F32(1.0F / 12.0F), variance * F32(0.25F)), mean);
  const F32 spread = noise * root * (simd::fma(v, simd::fma(v, F32(0.5F), one), one) + bend * steps * F32(0.25F));
  const F32 skew = F32(0.5F) * v * variance;
  const F32 dw = response.step * (simd::fma(spread, xi, mean) + skew * simd::fma(xi, xi, F32(-1.0F)));
  const F32 factor = simd::fma(F32(sure_sigma), noise * root, n);
  const F32 reach = simd::abs(response.step) * factor;
  const F32 slope = simd::abs(response.slope);
  const F32 curved =
      simd::abs(response.step * response.curvature) * n * simd::fma(variance, F32(0.25F), n * F32(1.0F / 6.0F));
  const Mask fine = (n * slope <= F32(0.1F)) & (curved <= F32(1e-3F)) & (n * slope * slope * variance <= F32(1e-3F)) &
                    (slope * factor <= one);
  return {w + dw, (n <= one) | (fine & ((w + reach) <= w_max) & ((w - reach) >= w_min))};
}

}  // namespace mho::device
