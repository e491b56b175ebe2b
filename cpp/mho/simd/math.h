// Elementary functions of sixteen lanes, or of one (F is F32 or F1): polynomials without calls, the same on every lane.
#pragma once

#include "mho/simd/simd.h"
#include "mho/simd/single.h"

namespace mho::simd {

// Exponential, saturating outside of the range of normal floats. The polynomial is that of the Cephes library (S.
// Moshier), about one unit in the last place.
template <class F> [[gnu::always_inline]] inline F exp(F x) {
  x = clamp(x, F(-87.0F), F(88.0F));
  const F n = rint(x * F(1.44269504088896341F));
  F r = fnma(n, F(0.693359375F), x);
  r = fnma(n, F(-2.12194440e-4F), r);
  F p = F(1.9875691500e-4F);
  p = fma(p, r, F(1.3981999507e-3F));
  p = fma(p, r, F(8.3334519073e-3F));
  p = fma(p, r, F(4.1665795894e-2F));
  p = fma(p, r, F(1.6666665459e-1F));
  p = fma(p, r, F(5.0000001201e-1F));
  const F y = fma(p, r * r, r + F(1.0F));
  const auto n_plus_bias = round_to_int(n) + decltype(round_to_int(n))(127U);
  return y * as_f32(shift_left<23>(n_plus_bias));
}

// 2^x for x from -126 to 126, to a relative error of 3e-7; a minimax polynomial.
template <class F> [[gnu::always_inline]] inline F exp2(F x) {
  const F n = rint(x);
  const F r = x - n;
  // Not by Horner's scheme: weights wait for it.
  const F square = r * r;
  const F low = fma(F(6.931469440460205e-1F), r, F(1.0000001192092896F));
  const F middle = fma(F(5.550713092088699e-2F), r, F(2.4022120237350464e-1F));
  const F high = fma(F(1.3276472454890609e-3F), r, F(9.675540961325169e-3F));
  const F p = fma(fma(high, square, middle), square, low);
  return as_f32(as_u32(p) + shift_left<23>(round_to_int(n)));
}

// 1 / (1 + exp(-x)); NaN stays NaN.
template <class F> [[gnu::always_inline]] inline F logistic(F x) {
  const F y = F(1.0F) / (F(1.0F) + exp(F(0.0F) - x));
  return select(x >= x, y, x);
}

// Hyperbolic tangent; NaN stays NaN. The polynomial for small arguments is that of the Cephes library.
template <class F> [[gnu::always_inline]] inline F tanh(F x) {
  const F z = x * x;
  F p = F(-5.70498872745e-3F);
  p = fma(p, z, F(2.06390887954e-2F));
  p = fma(p, z, F(-5.37397155531e-2F));
  p = fma(p, z, F(1.33314422036e-1F));
  p = fma(p, z, F(-3.33332819422e-1F));
  const F near = fma(p * z, x, x);
  const F magnitude = abs(x);
  const F far = F(1.0F) - F(2.0F) / (exp(magnitude + magnitude) + F(1.0F));
  const F y = select(magnitude < F(0.625F), near, select(x < F(0.0F), F(0.0F) - far, far));
  return select(x >= x, y, x);
}

// sin and cos for |x| <= pi/4; minimax polynomials with errors below 4e-8.
template <class F> [[gnu::always_inline]] inline void sin_cos_quarter(F x, F& sine, F& cosine) {
  const F z = x * x;
  F s = F(-1.950402802322060e-4F);
  s = fma(s, z, F(8.33203736692667e-3F));
  s = fma(s, z, F(-1.6666650772094727e-1F));
  s = fma(s, z, F(1.0F));
  sine = s * x;
  F c = F(-1.3585914857685566e-3F);
  c = fma(c, z, F(4.1655026376247406e-2F));
  c = fma(c, z, F(-4.999985694885254e-1F));
  cosine = fma(c, z, F(1.0F));
}

// -log(x) of positive, normal numbers, to a relative error of 3e-7.
template <class F> [[gnu::always_inline]] inline F negative_log(F x) {
  // Split x = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  using U = decltype(as_u32(x));
  const U shifted = as_u32(x) - U(0x3F3504F3U);
  const F e = to_float(shift_right_signed<23>(shifted));
  const F f = as_f32((shifted & U(0x007FFFFFU)) + U(0x3F3504F3U)) - F(1.0F);
  F p = F(0.1037641316652298F);
  p = fma(p, f, F(-0.16337741911411285F));
  p = fma(p, f, F(0.17212875187397003F));
  p = fma(p, f, F(-0.1988428682088852F));
  p = fma(p, f, F(0.24971534311771393F));
  p = fma(p, f, F(-0.3333560526371002F));
  p = fma(p, f, F(0.500003457069397F));
  p = fma(p, f, F(-0.9999999403953552F));
  return fma(p, f, e * F(-0.693147180559945F));
}

// -log(x) of x in (0, 1), to a relative error of 1e-6 up to the ends: enough for the radius of a gaussian.
template <class F> [[gnu::always_inline]] inline F negative_log_below_one(F x) {
  F m;
  const F e = split_exponent(x, m);
  // -log(m) = d q(d) with d = 1 - m in (0, 1/2].
  const F d = F(1.0F) - m;
  F q = F(0.9905821681022644F);
  q = fma(q, d, F(-0.6379218101501465F));
  q = fma(q, d, F(0.5227453708648682F));
  q = fma(q, d, F(0.18753235042095184F));
  q = fma(q, d, F(0.3389110267162323F));
  q = fma(q, d, F(0.49981674551963806F));
  q = fma(q, d, F(1.0000009536743164F));
  return fma(q, d, e * F(-0.693147180559945F));
}

}  // namespace mho::simd
