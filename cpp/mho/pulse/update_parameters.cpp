#include "mho/pulse/update_parameters.h"

#include <algorithm>
#include <cmath>

namespace mho::pulse {

UpdateParameters::UpdateParameters(Parameters& p)
    : bl(static_cast<int>(p.number("bl", 1, max_bit_length))),
      fixed_bl(p.flag("fixed_bl")),
      pulse_type(p.choice<PulseType>("pulse_type", {{"stochastic", PulseType::stochastic},
                                                    {"mean_count", PulseType::mean_count},
                                                    {"deterministic_implicit", PulseType::deterministic_implicit}})),
      res(p.number("res", 0, 1)),
      x_res_implicit(p.number("x_res_implicit", 0, 1)),
      d_res_implicit(p.number("d_res_implicit", 0, 1)),
      sto_round(p.flag("sto_round")),
      update_management(p.flag("update_management")),
      update_bl_management(p.flag("update_bl_management")),
      um_grad_scale(p.number("um_grad_scale", 1e-12, 1e12)),
      pulse_by_pulse(p.flag("pulse_by_pulse")) {
  p.finish();
}

PulsePlan plan_pulses(const UpdateParameters& parameters, double x_max, double d_max, double lr, double granularity) {
  if (x_max <= 0 || d_max <= 0 || lr <= 0) return {};
  PulsePlan plan;
  double scaled_d_max = parameters.um_grad_scale * d_max;
  const double strength = lr * x_max * scaled_d_max / granularity;  // expected pulses at the largest product
  double gain = 1;
  if (parameters.update_bl_management) {
    plan.bl = static_cast<int>(std::min<double>(std::ceil(strength), parameters.bl));
    if (plan.bl <= 0) return {};  // so small that the ceiling is lost to underflow
    gain = std::sqrt(lr / (granularity * plan.bl));
  } else if (parameters.open_length() && granularity * parameters.bl < lr) {
    const double length = std::ceil(lr / granularity);
    if (length > max_bit_length) {
      fail_value("Update.fixed_bl=False needs trains of " + std::to_string(length) +
                 " slots for this learning rate; at most 64 are possible");
    }
    plan.bl = static_cast<int>(length);
  } else {
    plan.bl = parameters.bl;
    gain = std::sqrt(lr / (granularity * plan.bl));
  }
  double x_gain = gain;
  double d_gain = gain;
  if (parameters.update_management || parameters.update_bl_management) {
    // Beyond what the longest train can carry, d is clipped and x is not.
    if (strength > parameters.bl) scaled_d_max *= parameters.bl / strength;
    const double ratio = std::sqrt(x_max / scaled_d_max);
    d_gain *= ratio;
    x_gain /= ratio;
  }
  plan.x_gain = static_cast<float>(x_gain);
  plan.d_gain = static_cast<float>(d_gain);
  return plan;
}

}  // namespace mho::pulse
