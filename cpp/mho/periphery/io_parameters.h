// The periphery of one read direction: converters, noise sources and their management. Symbols and defaults are those
// of docs/parameters.md.
#pragma once

#include "mho/parameters.h"

namespace mho::periphery {

enum class WeightNoise { none, additive_constant, pcm_read };
enum class ReadPasses { one, positive_negative, positive_negative_digital };
enum class NoiseManagement { none, abs_max, max, constant, average_abs_max, abs_max_np_sum };
enum class BoundManagement { none, iterative, iterative_worst_case, shift };

struct IoParameters {
  bool is_perfect;
  ReadPasses mv_type;
  double inp_bound, inp_res;
  bool inp_sto_round;
  double inp_noise, inp_asymmetry;
  double out_bound, out_res;
  bool out_sto_round;
  double out_noise, out_noise_std, out_scale, out_asymmetry;
  double out_nonlinearity, out_nonlinearity_std, slope_calibration;
  double v_offset_std, v_offset_w_min;
  double r_series, r_series_max_total;
  double w_noise;
  WeightNoise w_noise_type;
  double ir_drop, ir_drop_g_ratio;
  double w_read_asymmetry_dtod;
  NoiseManagement noise_management;
  double nm_thres, nm_decay, nm_assumed_wmax;
  BoundManagement bound_management;
  double max_bm_factor, max_bm_res;
  bool bm_test_negative_bound;

  explicit IoParameters(Parameters& p);
};

}  // namespace mho::periphery
