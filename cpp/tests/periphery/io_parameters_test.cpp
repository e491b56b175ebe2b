#include "mho/periphery/io_parameters.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support.h"

namespace mho::periphery {
namespace {

using tests::error_of;
using tests::expect_contains;
using tests::io_parameters;

TEST(IoParameters, HoldWhatTheyAreGiven) {
  const IoParameters p = io_parameters({{"inp_bound", 1.0},
                                        {"inp_res", 0.01},
                                        {"out_noise", 0.06},
                                        {"mv_type", "pos_neg_separate"},
                                        {"w_noise_type", "pcm_read"},
                                        {"noise_management", "abs_max_np_sum"},
                                        {"bound_management", "iterative_worst_case"},
                                        {"bm_test_negative_bound", false}});
  EXPECT_EQ(p.inp_bound, 1);
  EXPECT_EQ(p.inp_res, 0.01);
  EXPECT_EQ(p.out_noise, 0.06);
  EXPECT_EQ(p.mv_type, ReadPasses::positive_negative);
  EXPECT_EQ(p.w_noise_type, WeightNoise::pcm_read);
  EXPECT_EQ(p.noise_management, NoiseManagement::abs_max_np_sum);
  EXPECT_EQ(p.bound_management, BoundManagement::iterative_worst_case);
  EXPECT_FALSE(p.bm_test_negative_bound);
}

TEST(IoParameters, KnowEveryChoice) {
  for (const char* name : {"none", "abs_max", "max", "constant", "average_abs_max", "abs_max_np_sum"}) {
    (void)io_parameters({{"noise_management", name}});
  }
  for (const char* name : {"none", "iterative", "iterative_worst_case", "shift"}) {
    (void)io_parameters({{"bound_management", name}});
  }
  for (const char* name : {"one_pass", "pos_neg_separate", "pos_neg_separate_digital_sum"}) {
    (void)io_parameters({{"mv_type", name}});
  }
  for (const char* name : {"none", "additive_constant", "pcm_read"}) (void)io_parameters({{"w_noise_type", name}});
}

TEST(IoParameters, RefuseWhatIsOutOfRange) {
  const std::vector<std::pair<std::string, double>> bad{
      {"inp_res", 1.5},  {"inp_res", -0.1},      {"out_res", 2.0},        {"inp_noise", -0.1}, {"out_noise", -1.0},
      {"w_noise", -1.0}, {"inp_asymmetry", 1.5}, {"out_asymmetry", -1.5}, {"inp_bound", -1.0}, {"v_offset_w_min", 0.5},
      {"nm_decay", 1.5}, {"max_bm_factor", 0.5}, {"ir_drop_g_ratio", 0.0}};
  for (const auto& [name, value] : bad) {
    expect_contains(error_of([&] { (void)io_parameters({{name, value}}); }), "io." + name + " must be in [");
  }
  expect_contains(error_of([] { (void)io_parameters({{"mv_type", "twice"}}); }), "io.mv_type must be one of one_pass");
  expect_contains(error_of([] { (void)io_parameters({{"bound", 1.0}}); }), "io has no parameter bound");
}

}  // namespace
}  // namespace mho::periphery
