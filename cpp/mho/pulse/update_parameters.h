// How a learning rate, an input and an error become pulse probabilities (Gokmen and Vlasov 2016; update management
// after Gokmen, Onen and Haensch, Front. Neurosci. 11:538, 2017).
#pragma once

#include "mho/parameters.h"

namespace mho::pulse {

inline constexpr int max_bit_length = 64;

enum class PulseType { stochastic, mean_count, deterministic_implicit };

struct UpdateParameters {
  int bl;  // bit length of the trains; with bit-length management the largest
  bool fixed_bl;
  PulseType pulse_type;
  double res;  // resolution of the probabilities, 0 = off
  double x_res_implicit, d_res_implicit;
  bool sto_round;
  bool update_management, update_bl_management;
  double um_grad_scale;
  bool pulse_by_pulse;

  explicit UpdateParameters(Parameters& p);

  // Without any management of the length a train may grow beyond the one that is asked for.
  [[nodiscard]] bool open_length() const { return !fixed_bl && !update_bl_management; }
};

// The trains of one sample: probability of a pulse is min(x_gain |x|, 1) and min(d_gain |d|, 1) in each of bl slots.
struct PulsePlan {
  int bl = 0;  // 0: nothing happens
  float x_gain = 0;
  float d_gain = 0;
};

// x_max and d_max are the largest magnitudes of the sample, granularity the mean weight change of one pulse.
PulsePlan plan_pulses(const UpdateParameters& parameters, double x_max, double d_max, double lr, double granularity);

}  // namespace mho::pulse
