// Elementary functions of sixteen lanes. The polynomials are those of the Cephes library (S. Moshier, single
// precision): about one unit in the last place, without tables and without calls, the same on every lane.
#pragma once

#include "mho/simd/simd.h"

namespace mho::simd {

// Natural logarithm of positive, normal numbers.
inline F32 log(F32 x) {
  const U32 bits = as_u32(x);
  // Split x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  const U32 shifted = bits - U32(0x3F3504F3U);
  const F32 e = to_float(shift_right_signed<23>(shifted));
  const F32 m = as_f32((shifted & U32(0x007FFFFFU)) + U32(0x3F3504F3U));
  const F32 f = m - F32(1.0F);
  const F32 z = f * f;
  F32 p = F32(7.0376836292e-2F);
  p = fma(p, f, F32(-1.1514610310e-1F));
  p = fma(p, f, F32(1.1676998740e-1F));
  p = fma(p, f, F32(-1.2420140846e-1F));
  p = fma(p, f, F32(1.4249322787e-1F));
  p = fma(p, f, F32(-1.6668057665e-1F));
  p = fma(p, f, F32(2.0000714765e-1F));
  p = fma(p, f, F32(-2.4999993993e-1F));
  p = fma(p, f, F32(3.3333331174e-1F));
  F32 y = p * f * z;
  y = fma(e, F32(-2.12194440e-4F), y);
  y = fnma(z, F32(0.5F), y);
  return fma(e, F32(0.693359375F), y + f);
}

// Exponential, saturating outside of the range of normal floats.
inline F32 exp(F32 x) {
  x = clamp(x, F32(-87.0F), F32(88.0F));
  const F32 n = rint(x * F32(1.44269504088896341F));
  F32 r = fnma(n, F32(0.693359375F), x);
  r = fnma(n, F32(-2.12194440e-4F), r);
  F32 p = F32(1.9875691500e-4F);
  p = fma(p, r, F32(1.3981999507e-3F));
  p = fma(p, r, F32(8.3334519073e-3F));
  p = fma(p, r, F32(4.1665795894e-2F));
  p = fma(p, r, F32(1.6666665459e-1F));
  p = fma(p, r, F32(5.0000001201e-1F));
  const F32 y = fma(p, r * r, r + F32(1.0F));
  return y * as_f32(shift_left<23>(round_to_int(n) + U32(127U)));
}

// sin and cos for |x| <= pi/4.
inline void sin_cos_quarter(F32 x, F32& sine, F32& cosine) {
  const F32 z = x * x;
  F32 s = F32(-1.9515295891e-4F);
  s = fma(s, z, F32(8.3321608736e-3F));
  s = fma(s, z, F32(-1.6666654611e-1F));
  sine = fma(s * z, x, x);
  F32 c = F32(2.443315711809948e-5F);
  c = fma(c, z, F32(-1.388731625493765e-3F));
  c = fma(c, z, F32(4.166664568298827e-2F));
  cosine = fma(c * z, z, fnma(z, F32(0.5F), F32(1.0F)));
}

}  // namespace mho::simd
