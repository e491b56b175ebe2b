// Reads without noise against the steps of the pipeline in double precision, one vector at a time; and each source of
// noise by what it adds.
#include "mho/periphery/read_channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "support.h"

namespace mho::periphery {
namespace {

using tests::io_parameters;
using tests::Values;

constexpr std::size_t out_features = 150;  // more than one panel, no multiple of 16
constexpr std::size_t in_features = 45;
constexpr std::size_t vectors = 70;  // more than one block
constexpr std::size_t stride = 160;

Values merge(Values a, const Values& b) {
  for (const auto& [name, value] : b) a[name] = value;
  return a;
}

std::vector<float> weights() {
  const auto values = tests::random_values(152 * 48, 31, 0.5F);
  std::vector<float> w(48 * stride);
  for (std::size_t i = 0; i < out_features; ++i) {
    for (std::size_t j = 0; j < in_features; ++j) w[j * stride + i] = values[i * 48 + j];
  }
  return w;
}

struct Read {
  Direction direction = Direction::forward;
  bool noise = false;
  Threads threads = 1;
  std::uint64_t first_step = 0;
  random::ReadStream stream = random::ReadStream::forward;
  std::size_t batch = vectors;  // vectors of one call
};

std::size_t inputs_of(Direction direction) { return direction == Direction::forward ? in_features : out_features; }
std::size_t outputs_of(Direction direction) { return direction == Direction::forward ? out_features : in_features; }

std::vector<float> read(ReadChannel& channel, const std::vector<float>& x, const Read& how) {
  const std::vector<float> w = weights();
  const std::size_t inputs = inputs_of(how.direction);
  const std::size_t outputs = outputs_of(how.direction);
  const std::size_t count = x.size() / inputs;
  std::vector<float> y(count * outputs, -99.0F);
  for (std::size_t first = 0; first < count; first += how.batch) {
    channel.read({w.data(), in_features, out_features, stride}, {.x = x.data() + first * inputs,
                                                                 .y = y.data() + first * outputs,
                                                                 .vectors = std::min(how.batch, count - first),
                                                                 .first_step = how.first_step + first,
                                                                 .stream = how.stream,
                                                                 .noise = how.noise,
                                                                 .track_average = true,
                                                                 .threads = how.threads});
  }
  return y;
}

std::vector<float> read(const Values& changes, const std::vector<float>& x, const Read& how = {}) {
  ReadChannel channel(io_parameters(changes), how.direction, out_features, in_features, random::Key::from(99));
  return read(channel, x, how);
}

// A read without noise, step by step; what is fixed when a channel is built has no part in it.
class Reference {
 public:
  Reference(const IoParameters& p, Direction direction) : p_(p), direction_(direction), w_(weights()) {}

  // The outputs of one vector; `steps` becomes the distance of each output from the next threshold of the ADC, in
  // steps.
  std::vector<double> read(const float* x, std::vector<double>& margin) {
    const std::size_t n = inputs_of(direction_);
    const std::vector<double> v(x, x + n);
    double scale = management(v);
    if (scale <= 0) {
      margin.assign(outputs_of(direction_), 1);
      return std::vector<double>(outputs_of(direction_), 0.0);
    }
    double factor = 1;

    std::vector<double> y;
    for (bool first = true;; first = false) {
      bool clipped = false;
      y = once(v, scale * factor, clipped, margin);
      for (double& value : y) value *= p_.out_scale * scale * factor;
      if (!clipped) break;
      if (p_.bound_management == BoundManagement::iterative) {
        const double step = 2 * p_.inp_res * p_.inp_bound;
        if (2 * factor > p_.max_bm_factor || 2 * factor * step > p_.max_bm_res) break;
        factor *= 2;
      } else if (p_.bound_management == BoundManagement::iterative_worst_case && first) {
        scale = worst_case(v);
        factor = 1;
      } else {
        break;
      }
    }
    return y;
  }

 private:
  static double largest(const std::vector<double>& v) {
    double m = 0;
    for (const double value : v) m = std::fmax(m, std::fabs(value));
    return m;
  }

  double worst_case(const std::vector<double>& v) const {
    double positive = 0;
    double negative = 0;
    for (const double value : v) (value > 0 ? positive : negative) += std::fabs(value);
    double worst = p_.nm_assumed_wmax * std::fmax(positive, negative) / (p_.out_bound > 0 ? p_.out_bound : 1);
    if (p_.inp_res > 0) worst = std::fmin(worst, largest(v) * p_.max_bm_res / (2 * p_.inp_res * p_.inp_bound));
    return std::fmax(largest(v), worst);
  }

  double management(const std::vector<double>& v) {
    const auto limited = [&](double a) { return p_.nm_thres > 0 ? std::fmin(a, p_.nm_thres) : a; };
    switch (p_.noise_management) {
      case NoiseManagement::none:
        return 1;
      case NoiseManagement::abs_max:
        return limited(largest(v));
      case NoiseManagement::max:
        return limited(*std::max_element(v.begin(), v.end()));
      case NoiseManagement::constant:
        return p_.nm_thres > 0 ? p_.nm_thres : 1;
      case NoiseManagement::average_abs_max:
        average_ = average_ > 0 ? average_ + p_.nm_decay * (largest(v) - average_) : largest(v);
        return average_;
      case NoiseManagement::abs_max_np_sum:
        return worst_case(v);
    }
    return 1;
  }

  [[nodiscard]] double weight(std::size_t input, std::size_t output) const {
    return direction_ == Direction::forward ? w_[input * stride + output] : w_[output * stride + input];
  }

  std::vector<double> analog(const std::vector<double>& x) const {
    const std::size_t n = x.size();
    const auto count = static_cast<double>(n);
    std::vector<double> y(outputs_of(direction_));
    double sum_x = 0;
    for (const double value : x) sum_x += value;
    for (std::size_t i = 0; i < y.size(); ++i) {
      double current = 0;
      double total = 0;
      double dropped = 0;
      for (std::size_t j = 0; j < n; ++j) {
        const double product = weight(j, i) * x[j];
        const double rest = 1 - static_cast<double>(j) / count;
        current += product;
        total += std::fabs(product);
        dropped += product * (1 - rest * rest);
      }
      const double a = count / p_.ir_drop_g_ratio * total;
      current -= p_.ir_drop * a * (a * (0.05 * a - 0.2) + 0.5) * dropped;
      if (p_.r_series > 0 && p_.v_offset_w_min == 0) {
        current /= 1 + std::fmin(p_.r_series * std::fabs(current), p_.r_series_max_total);
      } else if (p_.r_series > 0) {
        const double reference = -p_.v_offset_w_min * sum_x;
        current = (current + reference) / (1 + p_.r_series * std::fabs(current + reference)) -
                  reference / (1 + p_.r_series * std::fabs(reference));
      }
      const double bound = p_.out_bound > 0 ? p_.out_bound : 1;
      const double n_out = p_.out_nonlinearity / bound;
      current /= 1 + std::fabs(n_out * current);
      const double f = 1 + (n_out + p_.r_series) * p_.slope_calibration * bound;
      if (p_.slope_calibration > 0) current *= f * f;
      y[i] = current < 0 ? current * (1 - p_.out_asymmetry) : current;
    }
    return y;
  }

  // The ADC. Sets `clipped`, and the margin of what it rounds.
  void digitise(std::vector<double>& y, bool& clipped, std::vector<double>& margin) const {
    const double q = 2 * p_.out_res * p_.out_bound;
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (q > 0) {
        const double steps = y[i] / q;
        margin[i] = std::fmin(margin[i], std::fabs(std::fabs(steps - std::floor(steps)) - 0.5));
        y[i] = q * std::nearbyint(steps);
      }
      if (p_.out_bound <= 0) continue;
      if (y[i] > p_.out_bound || (p_.bm_test_negative_bound && y[i] < -p_.out_bound)) clipped = true;
      y[i] = std::fmax(std::fmin(y[i], p_.out_bound), -p_.out_bound);
    }
  }

  std::vector<double> once(const std::vector<double>& v, double divisor, bool& clipped,
                           std::vector<double>& margin) const {
    std::vector<double> x(v.size());
    for (std::size_t j = 0; j < v.size(); ++j) {
      // In floats, as the engine does it: a threshold of the DAC is on the same side.
      float driven = static_cast<float>(v[j]) / static_cast<float>(divisor);
      if (p_.inp_res > 0) {
        const auto q = static_cast<float>(2 * p_.inp_res * p_.inp_bound);
        driven = q * std::nearbyint(driven / q);
      }
      x[j] = static_cast<double>(driven);
      if (p_.inp_bound > 0) x[j] = std::fmax(std::fmin(x[j], p_.inp_bound), -p_.inp_bound);
      if (x[j] < 0) x[j] *= 1 - p_.inp_asymmetry;
    }
    std::vector<std::vector<double>> passes{x};
    if (p_.mv_type != ReadPasses::one) {
      passes.push_back(x);
      for (double& value : passes[0]) value = std::fmax(value, 0);
      for (double& value : passes[1]) value = std::fmin(value, 0);
    }
    for (auto& pass : passes) pass = analog(pass);
    margin.assign(passes[0].size(), 1);
    const auto add = [&] {
      for (std::size_t i = 0; i < passes[0].size(); ++i) passes[0][i] += passes[1][i];
      passes.pop_back();
    };
    if (p_.mv_type == ReadPasses::positive_negative) add();
    for (auto& pass : passes) {
      if (p_.bound_management == BoundManagement::shift) {
        const double excess = *std::max_element(pass.begin(), pass.end()) - p_.out_bound;
        for (double& value : pass) value -= std::fmax(excess, 0);
      }
      digitise(pass, clipped, margin);
    }
    if (passes.size() == 2) add();
    return passes[0];
  }

  IoParameters p_;
  Direction direction_;
  std::vector<float> w_;
  double average_ = 0;
};

struct Setting {
  Values changes;
  const char* name;
};

void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }

class Pipeline : public testing::TestWithParam<Setting> {};

TEST_P(Pipeline, IsThatOfItsSteps) {
  const IoParameters parameters = io_parameters(GetParam().changes);
  for (const Direction direction : {Direction::forward, Direction::backward}) {
    const std::size_t inputs = inputs_of(direction);
    const std::size_t outputs = outputs_of(direction);
    auto x = tests::random_values(vectors * inputs, 32, 1.0F, 0.1);
    // Vectors of different strengths, among them some beyond the range and one of zeros.
    for (std::size_t v = 0; v < vectors; ++v) {
      const float strength = v == 5 ? 0.0F : 0.02F * static_cast<float>(v + 1) * static_cast<float>(v % 7 == 0 ? 4 : 1);
      for (std::size_t j = 0; j < inputs; ++j) x[v * inputs + j] *= strength;
    }
    const std::vector<float> y = read(GetParam().changes, x, {.direction = direction});
    Reference reference(parameters, direction);
    int undecided = 0;
    for (std::size_t v = 0; v < vectors; ++v) {
      std::vector<double> margin;
      const std::vector<double> expected = reference.read(x.data() + v * inputs, margin);
      for (std::size_t i = 0; i < outputs; ++i) {
        // At a threshold of the ADC rounding decides.
        if (margin[i] < 1e-3) {
          ++undecided;
          continue;
        }
        ASSERT_NEAR(y[v * outputs + i], expected[i], 2e-5 * std::fmax(1.0, std::fabs(expected[i])))
            << "vector " << v << ", output " << i << (direction == Direction::forward ? ", forward" : ", backward");
      }
    }
    EXPECT_LT(undecided, static_cast<int>(vectors * outputs / 100));
  }
}

const Values dac_adc{{"inp_bound", 1.0}, {"inp_res", 1.0 / 126}, {"out_bound", 1.5}, {"out_res", 1.0 / 510}};

INSTANTIATE_TEST_SUITE_P(
    Settings, Pipeline,
    testing::Values(
        Setting{{}, "Plain"}, Setting{{{"is_perfect", true}}, "Perfect"}, Setting{dac_adc, "Converters"},
        Setting{{{"inp_bound", 0.5}}, "InputBound"}, Setting{{{"out_bound", 0.7}}, "OutputBound"},
        Setting{{{"inp_asymmetry", 0.1}, {"out_asymmetry", -0.2}}, "Asymmetry"}, Setting{{{"out_scale", 2.5}}, "Scale"},
        Setting{merge(dac_adc, {{"noise_management", "abs_max"}}), "AbsMax"},
        Setting{merge(dac_adc, {{"noise_management", "abs_max"}, {"nm_thres", 0.4}}), "AbsMaxLimited"},
        Setting{merge(dac_adc, {{"noise_management", "max"}}), "Max"},
        Setting{merge(dac_adc, {{"noise_management", "constant"}, {"nm_thres", 0.7}}), "Constant"},
        Setting{merge(dac_adc, {{"noise_management", "average_abs_max"}, {"nm_decay", 0.1}}), "AverageAbsMax"},
        Setting{merge(dac_adc, {{"noise_management", "abs_max_np_sum"}}), "AbsMaxNpSum"},
        Setting{merge(dac_adc, {{"noise_management", "abs_max"}, {"bound_management", "iterative"}}), "Iterative"},
        Setting{merge(dac_adc,
                      {{"noise_management", "abs_max"}, {"bound_management", "iterative"}, {"max_bm_factor", 2.0}}),
                "IterativeOnce"},
        Setting{merge(dac_adc, {{"noise_management", "abs_max"},
                                {"bound_management", "iterative"},
                                {"bm_test_negative_bound", false}}),
                "IterativePositive"},
        Setting{merge(dac_adc, {{"noise_management", "abs_max"}, {"bound_management", "iterative_worst_case"}}),
                "IterativeWorstCase"},
        Setting{merge(dac_adc, {{"bound_management", "shift"}}), "Shift"},
        Setting{merge(dac_adc, {{"mv_type", "pos_neg_separate"}, {"noise_management", "abs_max"}}), "PosNeg"},
        Setting{merge(dac_adc, {{"mv_type", "pos_neg_separate"}, {"bound_management", "shift"}}), "PosNegShift"},
        Setting{merge(dac_adc, {{"mv_type", "pos_neg_separate_digital_sum"}, {"noise_management", "abs_max"}}),
                "PosNegDigital"},
        Setting{{{"ir_drop", 1.0}, {"ir_drop_g_ratio", 1000.0}}, "IrDrop"},
        Setting{{{"ir_drop", 1.0}, {"ir_drop_g_ratio", 1000.0}, {"mv_type", "pos_neg_separate"}}, "IrDropPosNeg"},
        Setting{{{"r_series", 0.1}}, "SeriesResistance"},
        Setting{{{"r_series", 0.5}, {"v_offset_w_min", 0.0}, {"r_series_max_total", 0.3}}, "SeriesResistanceLimited"},
        Setting{{{"out_nonlinearity", 0.3}, {"out_bound", 2.0}}, "Nonlinearity"},
        Setting{{{"out_nonlinearity", 0.3}, {"out_bound", 2.0}, {"r_series", 0.02}, {"slope_calibration", 0.5}},
                "SlopeCalibration"}),
    [](const auto& info) { return info.param.name; });

// Every source of noise at once: what must not depend on threads, blocks and batches.
const Values noisy{{"inp_bound", 1.0},
                   {"inp_res", 1.0 / 126},
                   {"inp_sto_round", true},
                   {"inp_noise", 0.02},
                   {"out_bound", 2.0},
                   {"out_res", 1.0 / 510},
                   {"out_sto_round", true},
                   {"out_noise", 0.06},
                   {"out_noise_std", 0.2},
                   {"out_nonlinearity", 0.1},
                   {"out_nonlinearity_std", 0.2},
                   {"v_offset_std", 0.05},
                   {"w_noise", 0.01},
                   {"w_noise_type", "pcm_read"},
                   {"ir_drop", 1.0},
                   {"mv_type", "pos_neg_separate_digital_sum"},
                   {"w_read_asymmetry_dtod", 0.05},
                   {"noise_management", "abs_max"},
                   {"bound_management", "iterative"}};

TEST(ReadChannel, IsTheSameForEveryNumberOfThreads) {
  for (const auto& changes : {noisy, tests::default_io()}) {
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      const auto x = tests::random_values(300 * inputs_of(direction), 33);
      const auto serial = read(changes, x, {.direction = direction, .noise = true, .threads = 1, .batch = 300});
      for (const int threads : {2, 4, 7}) {
        EXPECT_EQ(serial,
                  read(changes, x, {.direction = direction, .noise = true, .threads = {threads, true}, .batch = 300}));
      }
    }
  }
}

// The same random numbers in batches of every size; floats to rounding, but for a step of the ADC here and there.
TEST(ReadChannel, SeesTheSameNumbersInBatchesOfAnySize) {
  Values analog = noisy;
  analog["out_res"] = 0.0;
  analog["out_sto_round"] = false;
  analog["bound_management"] = "none";
  const auto x = tests::random_values(vectors * in_features, 34);
  const auto together = read(analog, x, {.noise = true});
  for (const std::size_t batch : {1UL, 7UL, 64UL}) {
    const auto parts = read(analog, x, {.noise = true, .batch = batch});
    for (std::size_t i = 0; i < parts.size(); ++i) ASSERT_NEAR(parts[i], together[i], 5e-6) << batch;
  }
}

TEST(ReadChannel, IsPureInStepAndStream) {
  const auto x = tests::random_values(4 * in_features, 35);
  const auto y = read(noisy, x, {.noise = true, .first_step = 7});
  EXPECT_EQ(y, read(noisy, x, {.noise = true, .first_step = 7}));
  EXPECT_NE(y, read(noisy, x, {.noise = true, .first_step = 8}));
  EXPECT_NE(y, read(noisy, x, {.noise = true, .first_step = 7 + (std::uint64_t{1} << 32)}));
  EXPECT_NE(y, read(noisy, x, {.noise = true, .first_step = 7, .stream = random::ReadStream::evaluation_forward}));
}

TEST(ReadChannel, WithoutNoiseDependsOnNoStep) {
  const auto x = tests::random_values(4 * in_features, 35);
  EXPECT_EQ(read(noisy, x, {.first_step = 7}), read(noisy, x, {.first_step = 8}));
}

// Bound management is per vector: where nothing clips, a vector does not feel that others are read again.
TEST(ReadChannel, ReadsAgainOnlyVectorsThatClip) {
  Values changes{{"inp_bound", 1.0}, {"out_bound", 1.0}, {"out_noise", 0.05}};
  auto x = tests::random_values(vectors * in_features, 36, 0.2F);
  for (std::size_t v = 0; v < vectors; v += 3) {
    for (std::size_t j = 0; j < in_features; ++j) x[v * in_features + j] *= 5;
  }
  const auto once = read(changes, x, {.noise = true});
  changes["bound_management"] = "iterative";
  const auto managed = read(changes, x, {.noise = true});
  int same = 0;
  int again = 0;
  for (std::size_t v = 0; v < vectors; ++v) {
    const auto row = [&](const std::vector<float>& y) {
      return std::vector<float>(y.begin() + static_cast<std::ptrdiff_t>(v * out_features),
                                y.begin() + static_cast<std::ptrdiff_t>((v + 1) * out_features));
    };
    const std::vector<float> first = row(once);
    const bool clipped = std::any_of(first.begin(), first.end(), [](float y) { return std::fabs(y) >= 1; });
    if (clipped) {
      ++again;
      EXPECT_NE(first, row(managed)) << v;
    } else {
      ++same;
      EXPECT_EQ(first, row(managed)) << v;
    }
  }
  EXPECT_GT(same, 10);
  EXPECT_GT(again, 10);
}

struct Moments {
  double mean, variance;
};

// Of what noise adds to a read: `reads` reads of the same vector.
Moments added_noise(Values changes, const std::vector<float>& vector, std::size_t output) {
  constexpr std::size_t reads = 4000;
  std::vector<float> x;
  for (std::size_t v = 0; v < reads; ++v) x.insert(x.end(), vector.begin(), vector.end());
  const auto noise = read(changes, x, {.noise = true, .batch = 1000});
  const auto still = read(changes, vector, {.noise = false});
  double sum = 0;
  double square = 0;
  for (std::size_t v = 0; v < reads; ++v) {
    const double added = static_cast<double>(noise[v * out_features + output]) - static_cast<double>(still[output]);
    sum += added;
    square += added * added;
  }
  return {sum / reads, square / reads - sum * sum / (double{reads} * double{reads})};
}

void expect_gaussian(const Moments& actual, double variance) {
  constexpr double reads = 4000;
  EXPECT_NEAR(actual.mean, 0, 5 * std::sqrt(variance / reads));
  EXPECT_NEAR(actual.variance, variance, 5 * variance * std::sqrt(2 / reads));
}

TEST(ReadChannel, AddsEachNoiseWithItsVariance) {
  const auto x = tests::random_values(in_features, 37);
  const std::vector<float> w = weights();
  for (const std::size_t output : {0UL, 77UL, 149UL}) {
    double w_norm = 0;
    double x_norm = 0;
    double mixed = 0;
    for (std::size_t j = 0; j < in_features; ++j) {
      const double weight = w[j * stride + output];
      const double input = x[j];
      w_norm += weight * weight;
      x_norm += input * input;
      mixed += std::fabs(weight) * input * input;
    }
    expect_gaussian(added_noise({{"out_noise", 0.06}}, x, output), 0.06 * 0.06);
    expect_gaussian(added_noise({{"inp_noise", 0.02}}, x, output), 0.02 * 0.02 * w_norm);
    expect_gaussian(added_noise({{"w_noise", 0.03}, {"w_noise_type", "additive_constant"}}, x, output),
                    0.03 * 0.03 * x_norm);
    expect_gaussian(added_noise({{"w_noise", 0.03}, {"w_noise_type", "pcm_read"}}, x, output), 0.03 * 0.03 * mixed);
  }
}

// Rounded stochastically, a number keeps its mean, and a fraction f of a step has the variance f (1 - f).
TEST(ReadChannel, RoundsStochasticallyWithoutBias) {
  Values changes{{"out_bound", 10.0}, {"out_res", 0.01}, {"out_sto_round", true}};
  const auto x = tests::random_values(in_features, 37);
  const double q = 0.2;
  const double exact = static_cast<double>(read(Values{}, x)[10]);
  Read how{.noise = true};
  std::vector<float> many;
  for (std::size_t v = 0; v < 4000; ++v) many.insert(many.end(), x.begin(), x.end());
  const auto y = read(changes, many, how);
  double sum = 0;
  for (std::size_t v = 0; v < 4000; ++v) sum += static_cast<double>(y[v * out_features + 10]);
  const double f = exact / q - std::floor(exact / q);
  EXPECT_NEAR(sum / 4000, exact, 5 * q * std::sqrt(f * (1 - f) / 4000) + 1e-5);
}

TEST(ReadChannel, DrawsItsFixedFlawsOnce) {
  Values changes{{"out_noise", 0.05}, {"out_noise_std", 0.3}};
  ReadChannel channel(io_parameters(changes), Direction::forward, out_features, in_features, random::Key::from(99));
  ReadChannel twin(io_parameters(changes), Direction::forward, out_features, in_features, random::Key::from(99));
  ReadChannel other(io_parameters(changes), Direction::forward, out_features, in_features, random::Key::from(98));
  const auto x = tests::random_values(in_features, 38);
  const Read how{.noise = true};
  const auto y = read(channel, x, how);
  EXPECT_EQ(y, read(twin, x, how));
  EXPECT_NE(y, read(other, x, how));
  EXPECT_GT(channel.memory_bytes(), 0U);
}

TEST(ReadChannel, KeepsItsRunningAverage) {
  const Values changes{{"noise_management", "average_abs_max"}, {"nm_decay", 0.5}};
  ReadChannel channel(io_parameters(changes), Direction::forward, out_features, in_features, random::Key::from(1));
  EXPECT_EQ(channel.running_average(), 0.0F);
  std::vector<float> x(2 * in_features, 0.0F);
  x[0] = -2;
  x[in_features] = 1;
  (void)read(channel, x, {});
  EXPECT_EQ(channel.running_average(), 1.5F);
  channel.set_running_average(4);
  (void)read(channel, std::vector<float>(in_features, 2.0F), {});
  EXPECT_EQ(channel.running_average(), 3.0F);
}

TEST(ReadChannel, ReadsNoVectors) {
  ReadChannel channel(io_parameters(noisy), Direction::forward, out_features, in_features, random::Key::from(1));
  EXPECT_TRUE(read(channel, {}, {}).empty());
}

}  // namespace
}  // namespace mho::periphery
