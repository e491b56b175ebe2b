#include "mho/periphery/io_parameters.h"

namespace mho::periphery {

namespace {
constexpr double large = 1e12;
}

IoParameters::IoParameters(Parameters& p)
    : is_perfect(p.flag("is_perfect")),
      mv_type(
          p.choice<ReadPasses>("mv_type", {{"one_pass", ReadPasses::one},
                                           {"pos_neg_separate", ReadPasses::positive_negative},
                                           {"pos_neg_separate_digital_sum", ReadPasses::positive_negative_digital}})),
      inp_bound(p.number("inp_bound", 0, large)),
      inp_res(p.number("inp_res", 0, 1)),
      inp_sto_round(p.flag("inp_sto_round")),
      inp_noise(p.number("inp_noise", 0, large)),
      inp_asymmetry(p.number("inp_asymmetry", -1, 1)),
      out_bound(p.number("out_bound", 0, large)),
      out_res(p.number("out_res", 0, 1)),
      out_sto_round(p.flag("out_sto_round")),
      out_noise(p.number("out_noise", 0, large)),
      out_noise_std(p.number("out_noise_std", 0, large)),
      out_scale(p.number("out_scale", -large, large)),
      out_asymmetry(p.number("out_asymmetry", -1, 1)),
      out_nonlinearity(p.number("out_nonlinearity", 0, large)),
      out_nonlinearity_std(p.number("out_nonlinearity_std", 0, large)),
      slope_calibration(p.number("slope_calibration", 0, large)),
      v_offset_std(p.number("v_offset_std", 0, large)),
      v_offset_w_min(p.number("v_offset_w_min", -large, 0)),
      r_series(p.number("r_series", 0, large)),
      r_series_max_total(p.number("r_series_max_total", 0, large)),
      w_noise(p.number("w_noise", 0, large)),
      w_noise_type(p.choice<WeightNoise>("w_noise_type", {{"none", WeightNoise::none},
                                                          {"additive_constant", WeightNoise::additive_constant},
                                                          {"pcm_read", WeightNoise::pcm_read}})),
      ir_drop(p.number("ir_drop", 0, large)),
      ir_drop_g_ratio(p.number("ir_drop_g_ratio", 1e-12, large)),
      w_read_asymmetry_dtod(p.number("w_read_asymmetry_dtod", 0, large)),
      noise_management(
          p.choice<NoiseManagement>("noise_management", {{"none", NoiseManagement::none},
                                                         {"abs_max", NoiseManagement::abs_max},
                                                         {"max", NoiseManagement::max},
                                                         {"constant", NoiseManagement::constant},
                                                         {"average_abs_max", NoiseManagement::average_abs_max},
                                                         {"abs_max_np_sum", NoiseManagement::abs_max_np_sum}})),
      nm_thres(p.number("nm_thres", 0, large)),
      nm_decay(p.number("nm_decay", 0, 1)),
      nm_assumed_wmax(p.number("nm_assumed_wmax", 0, large)),
      bound_management(p.choice<BoundManagement>("bound_management",
                                                 {{"none", BoundManagement::none},
                                                  {"iterative", BoundManagement::iterative},
                                                  {"iterative_worst_case", BoundManagement::iterative_worst_case},
                                                  {"shift", BoundManagement::shift}})),
      max_bm_factor(p.number("max_bm_factor", 1, large)),
      max_bm_res(p.number("max_bm_res", 0, large)),
      bm_test_negative_bound(p.flag("bm_test_negative_bound")) {
  // Without a range there is nothing to divide into steps.
  if (inp_bound <= 0) inp_res = 0;
  if (out_bound <= 0) out_res = 0;
  p.finish();
}

}  // namespace mho::periphery
