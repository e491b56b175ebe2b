#include "support.h"

#include <cmath>
#include <numbers>
#include <random>
#include <utility>

namespace mho::tests {

Parameters merged(const std::string& section, Values values, const Values& changes) {
  for (const auto& [name, value] : changes) values[name] = value;
  return {section, std::move(values)};
}

Values pulsed_values() {
  return {{"dw_min", 0.01},         {"dw_min_dtod", 0.3},   {"dw_min_ctoc", 0.3}, {"dw_min_log_normal", false},
          {"w_max", 0.6},           {"w_min", -0.6},        {"w_max_dtod", 0.3},  {"w_min_dtod", 0.3},
          {"up_down", 0.0},         {"up_down_dtod", 0.1},  {"stuck_prob", 0.0},  {"stuck_range", 0.1},
          {"write_noise_std", 0.0}, {"type", ""},           {"reset", 0.0},       {"reset_dtod", 0.0},
          {"reset_std", 0.01},      {"endurance_dtod", 0.0}};
}

std::vector<Parameters> jump_rows(const std::vector<std::vector<double>>& rows) {
  std::vector<Parameters> result;
  for (const auto& row : rows) result.emplace_back("row", Values{{"quantiles", row}});
  return result;
}

Parameters device(const std::string& type, const Values& changes) {
  if (type == "Ideal") return merged("device", {{"type", type}}, changes);
  Values values = pulsed_values();
  values["type"] = type;
  Values own;
  if (type == "SoftBounds") own = {{"mult_noise", true}};
  if (type == "LinearStep") {
    own = {{"mult_noise", true},        {"gamma_up", 0.2},         {"gamma_down", 0.3},
           {"gamma_up_dtod", 0.05},     {"gamma_down_dtod", 0.05}, {"mean_bound_reference", true},
           {"allow_increasing", false}, {"reverse_up", false},     {"reverse_down", false},
           {"reverse_offset", 0.01}};
  }
  if (type == "ExpStep") {
    own = {{"A_up", 0.00081}, {"A_down", 0.36833}, {"gamma_up", 12.44625},   {"gamma_down", 12.78785},
           {"a", 0.244},      {"b", 0.2425},       {"dw_min_ctoc_add", 0.0}, {"dw_min_ctoc_slope", 0.0}};
  }
  if (type == "PowStep" || type == "PowStepReference") {
    own = {{"pow_gamma", 1.5}, {"pow_gamma_dtod", 0.1}, {"pow_up_down", 0.1}, {"pow_up_down_dtod", 0.05}};
  }
  if (type == "PiecewiseStep") {
    own = {{"nodes_up", std::vector<double>{1.6, 1.3, 1.0, 0.7, 0.3}},
           {"nodes_down", std::vector<double>{0.2, 0.9, 1.1, 1.6}}};
  }
  if (type == "JumpTable") {
    values["dw_min_ctoc"] = 0.0;
    own = {{"up", jump_rows({{0.5, 1, 3}, {0, 1, 2}, {-0.5, 0.2, 1}})},
           {"down", jump_rows({{-1, -0.5, 0, 2}, {0, 0.5, 1, 4}})}};
  }
  if (type == "SoftBoundsReference") own = {{"mult_noise", false}, {"slope_up_dtod", 0.1}, {"slope_down_dtod", 0.1}};
  if (type == "SoftBoundsReference" || type == "PowStepReference") {
    own.insert({{"reference_mean", 0.1}, {"reference_std", 0.05}, {"subtract_symmetry_point", true}});
  }
  if (type == "HiddenStep") {
    own = {{"hidden_states", 2.0}, {"hidden_dtod", 0.3}, {"hidden_up_down", 0.1}, {"hidden_up_down_dtod", 0.05}};
  }
  values.insert(own.begin(), own.end());
  return merged("device", std::move(values), changes);
}

Values no_spread() {
  return {{"dw_min_dtod", 0.0}, {"dw_min_ctoc", 0.0},  {"w_max_dtod", 0.0},
          {"w_min_dtod", 0.0},  {"up_down_dtod", 0.0}, {"reset_std", 0.0}};
}

Parameters update(const Values& changes) {
  return merged("update",
                {{"bl", 31.0},
                 {"fixed_bl", true},
                 {"pulse_type", "stochastic"},
                 {"res", 0.0},
                 {"x_res_implicit", 0.0},
                 {"d_res_implicit", 0.0},
                 {"sto_round", false},
                 {"update_management", true},
                 {"update_bl_management", true},
                 {"um_grad_scale", 1.0},
                 {"pulse_by_pulse", false}},
                changes);
}

pulse::UpdateParameters update_parameters(const Values& changes) {
  Parameters p = update(changes);
  return pulse::UpdateParameters(p);
}

Parameters io(const Values& changes) {
  return merged("io",
                {{"is_perfect", false},
                 {"mv_type", "one_pass"},
                 {"inp_bound", 0.0},
                 {"inp_res", 0.0},
                 {"inp_sto_round", false},
                 {"inp_noise", 0.0},
                 {"inp_asymmetry", 0.0},
                 {"out_bound", 0.0},
                 {"out_res", 0.0},
                 {"out_sto_round", false},
                 {"out_noise", 0.0},
                 {"out_noise_std", 0.0},
                 {"out_scale", 1.0},
                 {"out_asymmetry", 0.0},
                 {"out_nonlinearity", 0.0},
                 {"out_nonlinearity_std", 0.0},
                 {"slope_calibration", 0.0},
                 {"v_offset_std", 0.0},
                 {"v_offset_w_min", -1.0},
                 {"r_series", 0.0},
                 {"r_series_max_total", 5.0},
                 {"w_noise", 0.0},
                 {"w_noise_type", "none"},
                 {"ir_drop", 0.0},
                 {"ir_drop_g_ratio", 571428.57},
                 {"w_read_asymmetry_dtod", 0.0},
                 {"noise_management", "none"},
                 {"nm_thres", 0.0},
                 {"nm_decay", 0.001},
                 {"nm_assumed_wmax", 0.6},
                 {"bound_management", "none"},
                 {"max_bm_factor", 1000.0},
                 {"max_bm_res", 0.25},
                 {"bm_test_negative_bound", true}},
                changes);
}

periphery::IoParameters io_parameters(const Values& changes) {
  Parameters p = io(changes);
  return periphery::IoParameters(p);
}

Values default_io() {
  return {{"inp_bound", 1.0},
          {"inp_res", 1.0 / 126},
          {"out_bound", 12.0},
          {"out_res", 1.0 / 510},
          {"out_noise", 0.06},
          {"noise_management", "abs_max"},
          {"bound_management", "iterative"}};
}

std::unique_ptr<array::Array> make_array(Parameters device_parameters, const array::Shape& shape,
                                         const std::vector<std::uint64_t>& keys, const Values& io_changes,
                                         Threads threads) {
  const auto parameters = io_parameters(io_changes);
  return std::make_unique<array::Array>(array::make_crosspoints(device_parameters, shape, keys, threads), parameters,
                                        parameters);
}

Parameters transfer_rule(const std::string& type, const std::string& device_type, const Values& changes) {
  Values single{{"update_bl_management", false}, {"update_management", false}, {"bl", 1.0}};
  Values values{{"type", type},
                {"fast_devices", std::vector<Parameters>{device(device_type)}},
                {"transfer_io", std::vector<Parameters>{io({{"is_perfect", true}})}},
                {"transfer_update", std::vector<Parameters>{update(single)}},
                {"transfer_columns", true},
                {"transfer_every", 1.0},
                {"batch_size", 1.0},
                {"fast_lr", 0.5},
                {"scale_fast_lr", false},
                {"transfer_lr", 1.0},
                {"scale_transfer_lr", true},
                {"gamma", 0.0},
                {"transfer_order", "sequential"},
                {"reset_prob", 0.0}};
  if (type == "TikiTaka2") values["threshold_scale"] = 1.0;
  if (type == "ResidualLearning") {
    values["filter"] = 0.5;
    values["write_threshold"] = 0.0;
  }
  if (type != "TikiTaka" && type != "ResidualLearning") {
    values["step"] = 1.0;
    values["momentum"] = 0.0;
    values["forget_buffer"] = true;
  }
  if (type == "ChoppedTikiTaka2" || type == "AGAD") {
    const Values own{{"in_chop_prob", 0.3},
                     {"out_chop_prob", 0.2},
                     {"in_chop_random", type != "AGAD"},
                     {"buffer_granularity", 1.0},
                     {"auto_granularity", 0.0},
                     {"auto_scale", false},
                     {"auto_momentum", 0.99},
                     {"correct_gradient_magnitudes", false}};
    values.insert(own.begin(), own.end());
  }
  if (type == "RIDER" || type == "ERIDER") {
    values["filter"] = 0.25;
    values["buffer_granularity"] = 0.0;
    values["auto_granularity"] = 0.0;
    values["auto_scale"] = false;
    values["auto_momentum"] = 0.99;
  }
  if (type == "ERIDER") values["in_chop_prob"] = 0.3;
  if (type == "AGAD") {
    values["tail_weightening"] = 5.0;
    values["buffer_cap"] = 0.0;
  }
  return merged("rule", std::move(values), changes);
}

void PrintTo(const Model& model, std::ostream* out) { *out << model.name; }

std::vector<Model> pulsed_models() {
  return {{"ConstantStep", {}, "ConstantStep"},
          {"ConstantStep", {{"up_down", 0.3}, {"stuck_prob", 0.1}}, "ConstantStepStuck"},
          {"SoftBounds", {}, "SoftBounds"},
          {"SoftBounds", {{"mult_noise", false}}, "SoftBoundsAdditive"},
          {"LinearStep", {}, "LinearStep"},
          {"LinearStep", {{"mult_noise", false}, {"mean_bound_reference", false}}, "LinearStepAdditive"},
          {"LinearStep", {{"allow_increasing", true}, {"gamma_up", -0.2}}, "LinearStepIncreasing"},
          {"ExpStep", {}, "ExpStep"},
          {"ExpStep", {{"up_down", -0.2}, {"write_noise_std", 2.0}}, "ExpStepWriteNoise"},
          {"PowStep", {}, "PowStep"},
          {"PowStep", {{"pow_gamma", 0.5}, {"write_noise_std", 2.0}}, "PowStepWriteNoise"},
          {"PiecewiseStep", {}, "PiecewiseStep"},
          {"PiecewiseStep",
           {{"nodes_up", std::vector<double>{1.5, 0.6, -0.4}}, {"write_noise_std", 2.0}, {"stuck_prob", 0.1}},
           "PiecewiseStepReversed"},
          {"JumpTable", {}, "JumpTable"},
          {"JumpTable", {{"write_noise_std", 2.0}, {"stuck_prob", 0.1}}, "JumpTableWriteNoise"},
          {"LinearStep", {{"reverse_up", true}, {"reverse_down", true}}, "LinearStepReversed"},
          {"ExpStep", {{"dw_min_ctoc_add", 0.02}, {"dw_min_ctoc_slope", 0.05}}, "ExpStepNoiseOfWeight"},
          {"SoftBoundsReference", {}, "SoftBoundsReference"},
          {"SoftBoundsReference", {{"mult_noise", true}, {"stuck_prob", 0.1}}, "SoftBoundsReferenceStuck"},
          {"PowStepReference", {{"write_noise_std", 2.0}}, "PowStepReference"},
          {"HiddenStep", {}, "HiddenStep"},
          {"HiddenStep", {{"hidden_states", 3.0}, {"write_noise_std", 2.0}, {"stuck_prob", 0.1}}, "HiddenStepStuck"}};
}

std::string model_name(const testing::TestParamInfo<Model>& info) { return info.param.name; }

std::vector<float> random_values(std::size_t n, std::uint32_t seed, float bound, double zeros) {
  std::mt19937 generator(seed);
  std::vector<float> values(n);
  for (float& v : values) {
    const double u = static_cast<double>(generator()) / 4294967296.0;
    const double keep = static_cast<double>(generator()) / 4294967296.0;
    v = keep < zeros ? 0.0F : static_cast<float>(2 * u - 1) * bound;
  }
  return values;
}

std::vector<float> plane(array::Array& a, const std::string& name) {
  std::vector<float> values(a.shape().devices());
  a.crosspoints().copy_plane(name, values.data());
  return values;
}

State state_of(array::Array& a) {
  State state;
  for (const auto& name : a.crosspoints().state_names()) state.planes.push_back(plane(a, name));
  for (std::size_t k = 0; k < a.shape().instances; ++k) {
    const float* seen = a.crosspoints().visible(k);
    state.planes.emplace_back(seen, seen + a.shape().plane());
  }
  state.step = a.steps().update;
  for (const auto& counter : a.crosspoints().counters()) state.counters.push_back(counter.values);
  return state;
}

pulse::PulseCount pulses_of(const array::Array& a, std::size_t instance) {
  const auto counters = a.crosspoints().counters();
  return {counters[0].values[instance], counters[1].values[instance]};
}

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in \"" << text << "\"";
}

namespace {

// Of sixteen bits, with bit 3 of a nibble for the sign of its entry.
int sum_of_entries(std::uint32_t bits) {
  constexpr int magnitudes[2][8] = {{11, 48, 91, 148, 197, 274, 344, 480}, {8, 13, 21, 33, 40, 59, 69, 646}};
  constexpr int factors[4] = {8, 5, 6, 4};
  int sum = 0;
  for (int nibble = 0; nibble < 4; ++nibble) {
    const std::uint32_t index = bits >> (4 * nibble) & 15U;
    const int magnitude = factors[nibble] * magnitudes[nibble % 2][index % 8];
    sum += index < 8 ? magnitude : -magnitude;
  }
  return sum;
}

}  // namespace

std::array<double, 8> table_gaussians_of(const random::Words& words) {
  std::array<double, 8> result{};
  for (std::size_t k = 0; k < 8; k += 4) {
    for (std::size_t half = 0; half < 2; ++half) {
      const int a = sum_of_entries(words[k / 2] >> (16 * half) & 0xFFFFU);
      const int b = sum_of_entries(words[k / 2 + 1] >> (16 * half) & 0xFFFFU);
      result[k + half] = (a + b) / 4096.0;
      result[k + 2 + half] = (a - b) / 4096.0;
    }
  }
  return result;
}

std::array<double, 8> gaussians_of(const random::Words& words) {
  std::array<double, 8> result{};
  for (std::size_t k = 0; k < 4; ++k) {
    const std::uint32_t word = words[k];
    const double radius = std::sqrt(-2 * std::log((static_cast<double>(word & 0xFFFFFU) + 0.5) * 0x1p-20));
    const double angle = (static_cast<double>(word >> 20 & 0x3FFU) + 0.5) * 0x1p-10 * std::numbers::pi / 2;
    // The angle grows from one axis of the quadrant to the other.
    result[2 * k] = ((word >> 31) != 0 ? -radius : radius) * std::cos(angle);
    result[2 * k + 1] = ((word >> 30 & 1U) != 0 ? -radius : radius) * std::sin(angle);
  }
  return result;
}

}  // namespace mho::tests
