#include "mho/retention/retention.h"

#include <cmath>

#include "mho/device/pulsed.h"
#include "mho/simd/math.h"

namespace mho::retention {

using simd::F32;
using simd::Mask;
using simd::U32;

namespace {

// What keeps a division by zero from happening.
constexpr float tiny = 1e-30F;
constexpr float huge = 1e30F;

// 1 - exp(-x), to a relative error of 3e-7 however small x is.
F32 one_minus_exp(F32 x) {
  // x (1 - x / 2 (1 - x / 3 (...)))
  F32 series(1.0F);
  for (int k = 9; k > 1; --k) series = simd::fnma(series, x * F32(1.0F / static_cast<float>(k)), F32(1.0F));
  const Mask large = simd::abs(x) > F32(0.5F);
  if (!simd::any(large)) return x * series;
  return simd::select(large, F32(1.0F) - simd::exp(F32(0.0F) - x), x * series);
}

// log(1 + x) of x >= 0, likewise.
F32 log_one_plus(F32 x) {
  // 2 artanh(z) with z = x / (2 + x).
  const F32 z = x / (F32(2.0F) + x);
  const F32 square = z * z;
  F32 series(1.0F / 11);
  for (int k = 9; k > 0; k -= 2) series = simd::fma(series, square, F32(1.0F / static_cast<float>(k)));
  const Mask large = x > F32(0.5F);
  if (!simd::any(large)) return F32(2.0F) * z * series;
  return simd::select(large, F32(0.0F) - simd::negative_log(F32(1.0F) + x), F32(2.0F) * z * series);
}

// a + change, rounded up or down by chance so that its mean is exact: changes that are smaller than the resolution of a
// float add up over many calls. u: uniform in (-1/2, 1/2).
F32 add(F32 a, F32 change, F32 u) {
  const F32 resolution = simd::as_f32(simd::as_u32(a + change) & U32(0x7F800000U)) * F32(0x1p-23F);
  const F32 sum = a + simd::fma(u, resolution, change);
  return simd::select(simd::abs(change) > F32(0.0F), sum, a);
}

F32 load(const float* plane, std::size_t at, float otherwise) {
  return plane != nullptr ? F32::load(plane + at) : F32(otherwise);
}

}  // namespace

Retention::Retention(Parameters p)
    : lifetime_dtod_(p.number("lifetime_dtod", 0, 1e3)),
      diffusion_(p.number("diffusion", 0, 1e6)),
      diffusion_dtod_(p.number("diffusion_dtod", 0, 1e3)),
      drift_nu_(p.number("drift_nu", 0, 1e3)),
      drift_nu_dtod_(p.number("drift_nu_dtod", 0, 1e3)),
      drift_nu_ctoc_(p.number("drift_nu_ctoc", 0, 1e3)),
      drift_t0_(p.number("drift_t0", 1e-12, 1e12)) {
  if (p.has("lifetime")) lifetime_ = p.number("lifetime", 1e-12, 1e12);
  p.finish();
}

std::vector<const char*> Retention::plane_names() const {
  std::vector<const char*> names;
  if (lifetime_ && lifetime_dtod_ > 0) names.push_back("lifetime");
  if (diffusion_ > 0 && diffusion_dtod_ > 0) names.push_back("diffusion");
  if (drifts() && drift_nu_dtod_ > 0) names.push_back("drift_nu");
  if (drifts()) names.push_back("age");
  return names;
}

void Retention::construct(const random::Stream& stream, U32 elements, F32 (*values)[4]) const {
  F32 lifetime[4];
  F32 diffusion[4];
  F32 nu[4];
  const double mean_lifetime = lifetime_.value_or(0);
  device::draw_two(lifetime, mean_lifetime, mean_lifetime * lifetime_dtod_, diffusion, diffusion_,
                   diffusion_ * diffusion_dtod_, stream, elements, device::relaxation_draw);
  device::draw(nu, drift_nu_, drift_nu_ * drift_nu_dtod_, stream, elements, device::drift_draw);
  const auto put = [&](bool there, auto&& value) {
    if (!there) return;
    for (int r = 0; r < 4; ++r) (*values)[r] = value(r);
    ++values;
  };
  // A device with a lifetime of 0 keeps nothing.
  put(lifetime_ && lifetime_dtod_ > 0, [&](int r) { return simd::max(lifetime[r], F32(0.0F)); });
  put(diffusion_ > 0 && diffusion_dtod_ > 0, [&](int r) { return simd::abs(diffusion[r]); });
  put(drifts() && drift_nu_dtod_ > 0, [&](int r) { return nu[r]; });
  put(drifts(), [&](int) { return F32(0.0F); });
}

void Retention::elapse(const Devices& devices, std::size_t quad, double seconds,
                       const random::PulseStream& noise) const {
  const F32 dt(static_cast<float>(seconds));
  const F32 root_dt(static_cast<float>(std::sqrt(seconds)));
  const F32 zero(0.0F);
  const F32 t0(static_cast<float>(drift_t0_));
  const bool with_noise = diffusion_ > 0 || (drifts() && drift_nu_ctoc_ > 0);
  const bool with_rounding = lifetime_ || drifts();  // noise by itself has no bias
  for (std::size_t i = 0; i < devices.stride; i += random::block_outputs) {
    const U32 elements = devices.elements.of_block(i / random::block_outputs, quad);
    // Draw 0: diffusion, then drift. Draw 1: rounding.
    random::GaussianBlock xi{};
    if (with_noise) xi = random::device_gaussians(noise, elements, 0);
    random::WordBlock chance{{U32(0U), U32(0U), U32(0U), U32(0U)}};
    if (with_rounding) chance = random::device_words(noise, elements, 1);
    for (std::size_t r = 0; r < random::block_inputs; ++r) {
      const std::size_t at = (quad * random::block_inputs + r) * devices.stride + i;
      const F32 u = with_rounding ? random::open_uniform(chance.word[r]) - F32(0.5F) : zero;
      const F32 w = F32::load(devices.weight + at);
      const F32 w_max = F32::load(devices.w_max + at);
      const F32 w_min = F32::load(devices.w_min + at);

      F32 shrinkage(0.0F);  // minus the logarithm of what is left of the distance to the reset value
      F32 decay(0.0F);
      if (lifetime_) {
        const F32 lifetime = load(devices.lifetime, at, static_cast<float>(*lifetime_));
        decay = simd::min(dt / simd::max(lifetime, F32(tiny)), F32(huge));
        shrinkage = decay;
      }
      if (drifts()) {
        const F32 age = F32::load(devices.age + at);
        const F32 before = simd::max(age, t0);
        const F32 grown = simd::max(dt - simd::max(t0 - age, zero), zero);
        F32 nu = load(devices.drift_nu, at, static_cast<float>(drift_nu_));
        if (drift_nu_ctoc_ > 0) nu = simd::fma(nu * F32(static_cast<float>(drift_nu_ctoc_)), xi.value[4 + r], nu);
        shrinkage = simd::fma(nu, log_one_plus(grown / before), shrinkage);
        // Times that are short beside the age add up too.
        const F32 older = simd::select(dt < age * F32(0x1p-12F), add(age, dt, u), age + dt);
        older.store(devices.age + at);
      }
      F32 change = (load(devices.reset_value, at, devices.reset) - w) * one_minus_exp(shrinkage);
      if (diffusion_ > 0) {
        F32 spread = load(devices.diffusion, at, static_cast<float>(diffusion_)) * root_dt;
        if (lifetime_) {
          const F32 twice = decay + decay;
          spread = spread * simd::sqrt(one_minus_exp(twice) / simd::max(twice, F32(tiny)));
        }
        change = simd::fma(spread, xi.value[r], change);
      }

      F32 moved = simd::clamp(add(w, change, u), w_min, w_max);
      if (devices.pulses_left != nullptr) {
        moved = simd::select(F32::load(devices.pulses_left + at) > zero, moved, w);
      }
      moved.store(devices.weight + at);
      if (devices.visible == nullptr) continue;
      const auto state = [&](F32 weight) {
        if (devices.intervals <= 0) return weight;
        return device::nearest_state(weight, w_min, w_max, devices.intervals);
      };
      F32 seen = state(moved);
      if (devices.write_noise) {
        const F32 offset = F32::load(devices.visible + at) - state(w);
        seen = simd::select(simd::abs(moved - w) > zero, seen + offset, F32::load(devices.visible + at));
      }
      seen.store(devices.visible + at);
    }
  }
}

}  // namespace mho::retention
