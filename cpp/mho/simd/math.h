// Elementary functions of sixteen lanes. The polynomials are those of the Cephes library (S. Moshier, single
// precision): about one unit in the last place, without tables and without calls, the same on every lane.
#pragma once

#include "mho/simd/simd.h"

namespace mho::simd {

// Exponential, saturating outside of the range of normal floats. The polynomial is that of the Cephes library (S.
// Moshier), about one unit in the last place.
[[gnu::always_inline]] inline F32 exp(F32 x) {
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

// sin and cos for |x| <= pi/4; minimax polynomials with errors below 4e-8.
[[gnu::always_inline]] inline void sin_cos_quarter(F32 x, F32& sine, F32& cosine) {
  const F32 z = x * x;
  F32 s = F32(-1.950402199828635e-4F);
  s = fma(s, z, F32(8.332036875137179e-3F));
  s = fma(s, z, F32(-1.666665069920192e-1F));
  s = fma(s, z, F32(0.9999999969263423F));
  sine = s * x;
  F32 c = F32(-1.3585908506874187e-3F);
  c = fma(c, z, F32(4.1655026883952576e-2F));
  c = fma(c, z, F32(-4.9999856695841893e-1F));
  cosine = fma(c, z, F32(0.9999999724233218F));
}

// -log(x) of positive, normal numbers, to a relative error of 3e-7: enough for the radius of a gaussian.
[[gnu::always_inline]] inline F32 negative_log(F32 x) {
  // Split x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  const U32 shifted = as_u32(x) - U32(0x3F3504F3U);
  const F32 e = to_float(shift_right_signed<23>(shifted));
  const F32 f = as_f32((shifted & U32(0x007FFFFFU)) + U32(0x3F3504F3U)) - F32(1.0F);
  F32 p = F32(0.1037641316652298F);
  p = fma(p, f, F32(-0.16337741911411285F));
  p = fma(p, f, F32(0.17212875187397003F));
  p = fma(p, f, F32(-0.1988428682088852F));
  p = fma(p, f, F32(0.24971534311771393F));
  p = fma(p, f, F32(-0.3333560526371002F));
  p = fma(p, f, F32(0.500003457069397F));
  p = fma(p, f, F32(-0.9999999403953552F));
  return fma(p, f, e * F32(-0.693147180559945F));
}

}  // namespace mho::simd
