#include "mho/periphery/read_channel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "mho/parallel.h"
#include "mho/periphery/ir_drop.h"
#include "mho/periphery/sparse_product.h"
#include "mho/random/device_draws.h"
#include "mho/simd/largest.h"

namespace mho::periphery {

namespace {

using random::gaussian_lines;
using random::Purpose;
using random::word_lines;
using simd::F32;

// Vectors that go through the crossbar together, and output lines that are converted while they are still in cache.
// Both are constants, so that every sum has one order.
constexpr std::size_t vector_block = 64;
constexpr std::size_t panel_lines = 128;
// What these take, roughly: a read, however small; a multiplication; preparing an input or converting an output.
constexpr double nanoseconds_per_read = 1000;
constexpr double nanoseconds_per_product = 0.04;
constexpr double nanoseconds_per_value = 2;

// One gaussian for each of 128 lines from 128 * block on.
void line_gaussians(const random::Stream& stream, std::size_t block, std::uint32_t draw, float* target) {
  const auto g = stream.gaussians(static_cast<std::uint32_t>(block * 16), draw);
  for (std::size_t k = 0; k < random::block_gaussians; ++k) g.value[k].store(target + 16 * k);
}

// One uniform number in (-1/2, 1/2) for each of 64 lines from 64 * block on: what stochastic rounding adds.
void line_rounding(const random::Stream& stream, std::size_t block, std::uint32_t draw, float* target) {
  const auto words = stream.words(static_cast<std::uint32_t>(block * 16), draw);
  for (int k = 0; k < 4; ++k) (random::open_uniform(words.word[k]) - F32(0.5F)).store(target + 16 * k);
}

// Calls body(i, n, noise) for lines [first + i, first + i + n), a block of lines at a time; first is a multiple of one.
template <std::size_t lines, class Fill, class Body>
void for_lines(std::size_t first, std::size_t count, Fill&& fill, Body&& body) {
  alignas(64) float buffer[lines];
  for (std::size_t begin = 0; begin < count; begin += lines) {
    fill((first + begin) / lines, buffer);
    body(begin, std::min(lines, count - begin), buffer);
  }
}

AlignedVector<float> fixed_lines(random::Key key, Direction direction, std::uint32_t draw, std::size_t n) {
  const auto stream = direction == Direction::forward ? random::ReadStream::forward : random::ReadStream::backward;
  const random::Stream lines(key, random::purpose_of(Purpose::line_construction, stream), 0);
  AlignedVector<float> values(round_up(n, gaussian_lines));
  for (std::size_t b = 0; b < values.size() / gaussian_lines; ++b)
    line_gaussians(lines, b, draw, values.data() + b * gaussian_lines);
  values.resize(n);
  return values;
}

}  // namespace

// What is multiplied with one panel of weights after the other.
struct ReadChannel::Vectors {
  MatrixView all;
  std::optional<ListedVectors> listed;
};

// Vectors on their way through the crossbar. Row p of the buffers belongs to vector vectors[p].
struct ReadChannel::Block {
  std::vector<std::size_t> vectors;
  std::vector<float> scale;   // of noise management, per row
  std::vector<float> factor;  // of bound management, per row
  std::vector<float> norm;    // of the prepared inputs, per row and pass
  std::uint32_t attempt = 0;
  std::size_t passes = 1;
  struct Inputs {
    RawVector<float> values;
    Vectors vectors;
  };
  Inputs x[2];  // prepared, of each pass
  Inputs x_abs[2], x_passed[2], x_square[2];
  RawVector<float> y[2];               // analog outputs of each pass
  std::vector<unsigned char> clipped;  // per panel and row
  [[nodiscard]] std::uint32_t draw(std::size_t pass) const { return attempt * 2 + static_cast<std::uint32_t>(pass); }
};

ReadChannel::ReadChannel(const IoParameters& parameters, Direction direction, std::size_t out_features,
                         std::size_t in_features, random::Key key)
    : parameters_(parameters),
      direction_(direction),
      inputs_(direction == Direction::forward ? in_features : out_features),
      outputs_(direction == Direction::forward ? out_features : in_features),
      key_(key) {
  const IoParameters& p = parameters_;
  if (p.is_perfect) return;
  if (p.out_noise > 0 && p.out_noise_std > 0) {
    noise_std_ = fixed_lines(key, direction, 0, outputs_);
    for (float& v : noise_std_) v = static_cast<float>(std::fabs(p.out_noise * (1 + p.out_noise_std * v)));
  }
  const double bound = p.out_bound > 0 ? p.out_bound : 1;
  if (p.out_nonlinearity > 0) {
    nonlinearity_ = fixed_lines(key, direction, 1, outputs_);
    for (float& v : nonlinearity_) {
      v = static_cast<float>(std::fabs(p.out_nonlinearity / bound * (1 + p.out_nonlinearity_std * v)));
    }
  }
  if (p.slope_calibration > 0) {
    const double f = 1 + (p.out_nonlinearity / bound + p.r_series) * p.slope_calibration * bound;
    nonlinearity_gain_ = static_cast<float>(f * f);
  }
  if (p.v_offset_std > 0 || p.r_series > 0) {
    voltage_offset_.assign(outputs_, 0.0F);
    if (p.v_offset_std > 0) {
      voltage_offset_ = fixed_lines(key, direction, 2, outputs_);
      for (float& v : voltage_offset_) v = std::max(static_cast<float>(p.v_offset_std) * v, 0.0F);
    }
  }
  if (p.ir_drop > 0) wire_passed_ = wire_passed(inputs_);
  if (passes() == 2 && p.w_read_asymmetry_dtod > 0) {
    // A property of the devices: both directions see the same numbers.
    asymmetry_stride_ = round_up(out_features, random::block_outputs);
    read_asymmetry_.resize(in_features * asymmetry_stride_);
    const random::Stream devices(key, Purpose::read_asymmetry_construction, 0);
    const random::DeviceElements elements(in_features);
    for (std::size_t j = 0; j < in_features; ++j) {
      for (std::size_t i = 0; i < asymmetry_stride_; i += random::block_outputs) {
        const auto words = devices.words(elements.of_line(i / random::block_outputs, j), 0);
        const F32 xi = random::to_gaussian(words, 0, simd::lane_index());
        simd::fma(xi, F32(static_cast<float>(p.w_read_asymmetry_dtod)), F32(1.0F))
            .store(read_asymmetry_.data() + j * asymmetry_stride_ + i);
      }
    }
  }
}

std::size_t ReadChannel::memory_bytes() const {
  return sizeof(float) * (noise_std_.size() + nonlinearity_.size() + voltage_offset_.size() + wire_passed_.size() +
                          read_asymmetry_.size());
}

std::size_t ReadChannel::panels() const { return (outputs_ + panel_lines - 1) / panel_lines; }

ReadChannel::Vectors ReadChannel::vectors_of(const float* x, std::size_t rows) const {
  const MatrixView all{x, rows, inputs_, inputs_};
  if (direction_ == Direction::backward) return {all, std::nullopt};
  return {all, ListedVectors::choose(all)};
}

void ReadChannel::multiply_panel(const Vectors& x, const MatrixView& panel, float* y, std::size_t y_stride) const {
  if (direction_ == Direction::backward) {
    multiply_transposed(x.all, panel, y, y_stride);
  } else if (x.listed) {
    x.listed->multiply(panel, y, y_stride);
  } else {
    multiply(x.all, panel, y, y_stride);
  }
}

namespace {
// The part of the weights that makes output lines [first, first + count).
MatrixView panel_of(const MatrixView& w, Direction direction, std::size_t first, std::size_t count) {
  if (direction == Direction::forward) return {w.data + first, w.rows, count, w.stride};
  return {w.data + first * w.stride, count, w.columns, w.stride};
}
}  // namespace

void ReadChannel::read(const MatrixView& w, const ReadRequest& request) {
  if (request.vectors == 0) return;
  if (parameters_.is_perfect) {
    read_perfect(w, request);
    return;
  }
  std::vector<float> scale(request.vectors);
  set_scales(request, scale);
  const Threads threads = request.threads.for_work(nanoseconds(request.vectors));
  const std::size_t blocks = (request.vectors + vector_block - 1) / vector_block;
  const bool outer = blocks >= static_cast<std::size_t>(threads.count);
  parallel_for(outer ? threads : 1, blocks, [&](std::size_t b) {
    const std::size_t first = b * vector_block;
    read_block(w, request, first, std::min(vector_block, request.vectors - first), scale.data(), outer ? 1 : threads);
  });
}

void ReadChannel::read_line(const float* line, std::uint64_t step, float* y) {
  const float one = 1.0F;
  read({line, 1, outputs_, outputs_}, {.x = &one,
                                       .y = y,
                                       .vectors = 1,
                                       .first_step = step,
                                       .stream = random::ReadStream::forward,
                                       .noise = true,
                                       .track_average = false,
                                       .threads = 1});
}

void ReadChannel::read_perfect(const MatrixView& w, const ReadRequest& request) const {
  const Threads threads = request.threads.for_work(nanoseconds(request.vectors));
  const std::size_t width = panels();
  std::vector<Vectors> blocks((request.vectors + vector_block - 1) / vector_block);
  parallel_for(threads, blocks.size(), [&](std::size_t b) {
    const std::size_t first = b * vector_block;
    blocks[b] = vectors_of(request.x + first * inputs_, std::min(vector_block, request.vectors - first));
  });
  parallel_for(threads, blocks.size() * width, [&](std::size_t item) {
    const std::size_t b = item / width;
    const std::size_t first = item % width * panel_lines;
    const std::size_t count = std::min(panel_lines, outputs_ - first);
    multiply_panel(blocks[b], panel_of(w, direction_, first, count), request.y + b * vector_block * outputs_ + first,
                   outputs_);
  });
}

double ReadChannel::nanoseconds(std::size_t vectors) const {
  const double each = parameters_.ir_drop > 0 ? 3 : parameters_.w_noise_type == WeightNoise::pcm_read ? 2 : 1;
  const double products = each * static_cast<double>(passes()) * static_cast<double>(inputs_ * outputs_);
  return nanoseconds_per_read +
         static_cast<double>(vectors) *
             (nanoseconds_per_product * products + nanoseconds_per_value * static_cast<double>(inputs_ + outputs_));
}

void ReadChannel::set_scales(const ReadRequest& request, std::vector<float>& scale) {
  const IoParameters& p = parameters_;
  const auto threshold = static_cast<float>(p.nm_thres);
  float average = running_average_;
  for (std::size_t v = 0; v < request.vectors; ++v) {
    const float* x = request.x + v * inputs_;
    float a = 1;
    switch (p.noise_management) {
      case NoiseManagement::none:
        break;
      case NoiseManagement::abs_max:
        a = simd::largest_magnitude(x, inputs_);
        if (threshold > 0) a = std::min(a, threshold);
        break;
      case NoiseManagement::max:
        a = *std::max_element(x, x + inputs_);
        if (threshold > 0) a = std::min(a, threshold);
        break;
      case NoiseManagement::constant:
        if (threshold > 0) a = threshold;
        break;
      case NoiseManagement::average_abs_max: {
        const float m = simd::largest_magnitude(x, inputs_);
        a = average > 0 ? average + static_cast<float>(p.nm_decay) * (m - average) : m;
        // A read that leaves no trace starts each vector from the average as it was found.
        if (request.track_average) average = a;
        break;
      }
      case NoiseManagement::abs_max_np_sum:
        a = worst_case_scale(x, simd::largest_magnitude(x, inputs_));
        break;
    }
    // Where noise is added to the input, even a vector of zeros has an output.
    if (a <= 0 && p.inp_noise > 0 && request.noise) a = 1;
    scale[v] = a;
  }
  if (request.track_average) running_average_ = average;
}

float ReadChannel::worst_case_scale(const float* x, float m) const {
  const IoParameters& p = parameters_;
  double positive = 0;
  double negative = 0;
  for (std::size_t j = 0; j < inputs_; ++j) (x[j] > 0 ? positive : negative) += std::fabs(x[j]);
  const double bound = p.out_bound > 0 ? p.out_bound : 1;
  double worst = p.nm_assumed_wmax * std::max(positive, negative) / bound;
  if (p.inp_res > 0) {
    const double q = 2 * p.inp_res * p.inp_bound;
    worst = std::min(worst, m * p.max_bm_res / q);
  }
  return static_cast<float>(std::max<double>(m, worst));
}

void ReadChannel::read_block(const MatrixView& w, const ReadRequest& request, std::size_t first, std::size_t count,
                             const float* scale, Threads threads) const {
  const IoParameters& p = parameters_;
  Block block;
  block.passes = passes();
  for (std::size_t v = first; v < first + count; ++v) {
    if (scale[v] <= 0) {
      std::fill_n(request.y + v * outputs_, outputs_, 0.0F);
      continue;
    }
    block.vectors.push_back(v);
    block.scale.push_back(scale[v]);
    block.factor.push_back(1);
  }
  const bool managed =
      p.bound_management == BoundManagement::iterative || p.bound_management == BoundManagement::iterative_worst_case;
  const double q = p.inp_res > 0 ? 2 * p.inp_res * p.inp_bound : 0;
  const std::size_t width = panels();
  while (!block.vectors.empty()) {
    const std::size_t rows = block.vectors.size();
    block.norm.assign(rows * 2, 0);
    block.clipped.assign(width * rows, 0);
    for (std::size_t pass = 0; pass < block.passes; ++pass) {
      block.x[pass].values.resize(rows * inputs_);
      block.y[pass].resize(rows * outputs_);
      if (p.w_noise_type == WeightNoise::pcm_read && request.noise) block.x_square[pass].values.resize(rows * inputs_);
    }
    parallel_for(threads, rows, [&](std::size_t row) { prepare(request, block, row); });
    for (std::size_t pass = 0; pass < block.passes; ++pass) {
      block.x[pass].vectors = vectors_of(block.x[pass].values.data(), rows);
      // What is made of them is zero where they are.
      const bool listed = block.x[pass].vectors.listed.has_value();
      if (p.ir_drop > 0 && !drops_at_once(block.x[pass].vectors)) prepare_ir_drop(block, pass, threads);
      for (Block::Inputs* inputs : {block.x_abs, block.x_passed, block.x_square}) {
        const float* const values = inputs[pass].values.data();
        if (inputs[pass].values.empty()) continue;
        inputs[pass].vectors = listed ? vectors_of(values, rows) : Vectors{{values, rows, inputs_, inputs_}, {}};
      }
    }
    parallel_for(threads, width, [&](std::size_t panel) { read_panel(w, request, block, panel); });
    if (p.bound_management == BoundManagement::shift) {
      parallel_for(threads, rows, [&](std::size_t row) {
        shift(block, row);
        (void)convert(request, block, row, 0, outputs_);
      });
    }
    if (!managed) return;
    // Vectors that clipped go again, with more headroom and fresh noise.
    std::size_t kept = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      bool clipped = false;
      for (std::size_t panel = 0; panel < width; ++panel) clipped = clipped || block.clipped[panel * rows + row] != 0;
      if (!clipped) continue;
      float next_scale = block.scale[row];
      float next_factor = 2 * block.factor[row];
      if (p.bound_management == BoundManagement::iterative_worst_case) {
        if (block.attempt > 0) continue;
        const float* x = request.x + block.vectors[row] * inputs_;
        next_scale = worst_case_scale(x, simd::largest_magnitude(x, inputs_));
        next_factor = 1;
      } else if (next_factor > p.max_bm_factor || next_factor * q > p.max_bm_res) {
        continue;
      }
      block.vectors[kept] = block.vectors[row];
      block.scale[kept] = next_scale;
      block.factor[kept] = next_factor;
      ++kept;
    }
    block.vectors.resize(kept);
    block.scale.resize(kept);
    block.factor.resize(kept);
    ++block.attempt;
  }
}

// Noise management, DAC, input noise: what drives the lines.
void ReadChannel::prepare(const ReadRequest& request, Block& block, std::size_t row) const {
  const IoParameters& p = parameters_;
  const std::size_t vector = block.vectors[row];
  const std::uint64_t step = request.first_step + vector;
  const float* source = request.x + vector * inputs_;
  float* x = block.x[0].values.data() + row * inputs_;
  const float divisor = block.scale[row] * block.factor[row];
  const auto bound = static_cast<float>(p.inp_bound);
  for (std::size_t j = 0; j < inputs_; ++j) x[j] = source[j] / divisor;
  if (p.inp_res > 0) {
    const auto q = static_cast<float>(2 * p.inp_res * p.inp_bound);
    if (p.inp_sto_round && request.noise) {
      const random::Stream rounding(key_, random::purpose_of(Purpose::input_rounding, request.stream), step);
      for_lines<word_lines>(
          0, inputs_, [&](std::size_t b, float* u) { line_rounding(rounding, b, block.attempt, u); },
          [&](std::size_t begin, std::size_t n, const float* u) {
            for (std::size_t j = 0; j < n; ++j) x[begin + j] = q * std::rint(x[begin + j] / q + u[j]);
          });
    } else {
      for (std::size_t j = 0; j < inputs_; ++j) x[j] = q * std::rint(x[j] / q);
    }
  }
  if (bound > 0) {
    for (std::size_t j = 0; j < inputs_; ++j) x[j] = std::min(std::max(x[j], -bound), bound);
  }
  if (p.inp_noise > 0 && request.noise) {
    const random::Stream noise(key_, random::purpose_of(Purpose::input_noise, request.stream), step);
    const auto sigma = static_cast<float>(p.inp_noise);
    for_lines<gaussian_lines>(
        0, inputs_, [&](std::size_t b, float* xi) { line_gaussians(noise, b, block.attempt, xi); },
        [&](std::size_t begin, std::size_t n, const float* xi) {
          for (std::size_t j = 0; j < n; ++j) x[begin + j] += sigma * xi[j];
        });
  }
  if (p.inp_asymmetry != 0) {
    const auto negative = static_cast<float>(1 - p.inp_asymmetry);
    for (std::size_t j = 0; j < inputs_; ++j) x[j] = x[j] < 0 ? x[j] * negative : x[j];
  }
  if (block.passes == 2) {
    float* x_negative = block.x[1].values.data() + row * inputs_;
    for (std::size_t j = 0; j < inputs_; ++j) {
      x_negative[j] = std::min(x[j], 0.0F);
      x[j] = std::max(x[j], 0.0F);
    }
  }
  for (std::size_t pass = 0; pass < block.passes; ++pass) {
    const float* driven = block.x[pass].values.data() + row * inputs_;
    if (!block.x_square[pass].values.empty()) {
      float* square = block.x_square[pass].values.data() + row * inputs_;
      for (std::size_t j = 0; j < inputs_; ++j) square[j] = driven[j] * driven[j];
    }
    if (p.w_noise_type == WeightNoise::additive_constant) {
      double sum = 0;
      for (std::size_t j = 0; j < inputs_; ++j) sum += static_cast<double>(driven[j]) * static_cast<double>(driven[j]);
      block.norm[row * 2 + pass] = static_cast<float>(std::sqrt(sum));
    }
  }
}

bool ReadChannel::drops_at_once(const Vectors& x) const {
  return ir_drop_at_once && direction_ == Direction::forward && !x.listed;
}

// What is multiplied with the weights where the sums of IR drop are products of their own.
void ReadChannel::prepare_ir_drop(Block& block, std::size_t pass, Threads threads) const {
  const RawVector<float>& x = block.x[pass].values;
  RawVector<float>& absolute = block.x_abs[pass].values;
  RawVector<float>& passed = block.x_passed[pass].values;
  absolute.resize(x.size());
  passed.resize(x.size());
  parallel_for(threads, block.vectors.size(), [&](std::size_t row) {
    const std::size_t first = row * inputs_;
    for (std::size_t j = 0; j < inputs_; ++j) {
      absolute[first + j] = std::fabs(x[first + j]);
      passed[first + j] = x[first + j] * wire_passed_[j];
    }
  });
}

void ReadChannel::read_panel(const MatrixView& w, const ReadRequest& request, Block& block, std::size_t panel) const {
  const IoParameters& p = parameters_;
  const std::size_t rows = block.vectors.size();
  const std::size_t first = panel * panel_lines;
  const std::size_t count = std::min(panel_lines, outputs_ - first);
  const MatrixView plain = panel_of(w, direction_, first, count);
  RawVector<float> scaled;
  RawVector<float> magnitude;
  RawVector<float> absolute;
  RawVector<float> passed;
  RawVector<float> variance;
  for (std::size_t pass = 0; pass < block.passes; ++pass) {
    MatrixView weights = plain;
    if (pass == 1 && !read_asymmetry_.empty()) {
      const MatrixView factor =
          panel_of({read_asymmetry_.data(), w.rows, w.columns, asymmetry_stride_}, direction_, first, count);
      scaled.resize(plain.rows * plain.columns);
      for (std::size_t i = 0; i < plain.rows; ++i) {
        for (std::size_t j = 0; j < plain.columns; ++j) {
          scaled[i * plain.columns + j] = plain.data[i * plain.stride + j] * factor.data[i * factor.stride + j];
        }
      }
      weights = {scaled.data(), plain.rows, plain.columns, plain.columns};
    }
    const Vectors& x = block.x[pass].vectors;
    float* const y = block.y[pass].data() + first;
    const bool products = p.ir_drop > 0 && !drops_at_once(x);
    if (p.ir_drop > 0) {
      absolute.resize(rows * count);
      passed.resize(rows * count);
    }
    if (p.ir_drop > 0 && !products) {
      sum_with_ir_drop(x.all, weights, {y, outputs_, absolute.data(), passed.data()});
    } else {
      multiply_panel(x, weights, y, outputs_);
    }
    if (products || !block.x_square[pass].values.empty()) {
      magnitude.resize(weights.rows * weights.columns);
      for (std::size_t i = 0; i < weights.rows; ++i) {
        for (std::size_t j = 0; j < weights.columns; ++j) {
          magnitude[i * weights.columns + j] = std::fabs(weights.data[i * weights.stride + j]);
        }
      }
    }
    const MatrixView magnitudes{magnitude.data(), weights.rows, weights.columns, weights.columns};
    if (products) {
      multiply_panel(block.x_abs[pass].vectors, magnitudes, absolute.data(), count);
      multiply_panel(block.x_passed[pass].vectors, weights, passed.data(), count);
    }
    if (!block.x_square[pass].values.empty()) {
      variance.resize(rows * count);
      multiply_panel(block.x_square[pass].vectors, magnitudes, variance.data(), count);
    }
    for (std::size_t row = 0; row < rows; ++row) {
      analog_stage(request, block, row, pass, first, count, absolute.data() + row * count, passed.data() + row * count,
                   variance.data() + row * count, block.y[pass].data() + row * outputs_ + first);
    }
  }
  if (p.bound_management == BoundManagement::shift) return;
  for (std::size_t row = 0; row < rows; ++row) {
    block.clipped[panel * rows + row] = convert(request, block, row, first, count) ? 1 : 0;
  }
}

// What happens to the currents of lines [first, first + count) before the ADC.
void ReadChannel::analog_stage(const ReadRequest& request, const Block& block, std::size_t row, std::size_t pass,
                               std::size_t first, std::size_t count, const float* absolute, const float* passed,
                               const float* variance, float* y) const {
  const IoParameters& p = parameters_;
  const std::uint64_t step = request.first_step + block.vectors[row];
  const std::uint32_t draw = block.draw(pass);
  if (p.ir_drop > 0) {
    const auto density = static_cast<float>(static_cast<double>(inputs_) / p.ir_drop_g_ratio);
    lose_ir_drop(density, static_cast<float>(p.ir_drop), absolute, passed, count, y);
  }
  if (!voltage_offset_.empty()) {
    const auto r_series = static_cast<float>(p.r_series);
    if (p.v_offset_w_min == 0) {
      const auto largest = static_cast<float>(p.r_series_max_total);
      for (std::size_t i = 0; i < count; ++i) {
        y[i] = (1 - voltage_offset_[first + i]) * y[i] / (1 + std::min(r_series * std::fabs(y[i]), largest));
      }
    } else {
      // A differential read: the reference line carries -w_min times the sum of the inputs.
      const float* x = block.x[pass].values.data() + row * inputs_;
      const auto reference = static_cast<float>(-p.v_offset_w_min * std::accumulate(x, x + inputs_, 0.0));
      for (std::size_t i = 0; i < count; ++i) {
        const float v = voltage_offset_[first + i];
        const float total = y[i] + reference;
        if (r_series > 0) {
          y[i] = (1 - v) * total / (1 + r_series * std::fabs(total)) -
                 (1 + v) * reference / (1 + r_series * std::fabs(reference));
        } else {
          y[i] = (1 - v) * y[i] - 2 * v * reference;
        }
      }
    }
  }
  if (p.w_noise > 0 && request.noise) {
    const random::Stream noise(key_, random::purpose_of(Purpose::read_noise, request.stream), step);
    const auto sigma = static_cast<float>(p.w_noise);
    const float norm = block.norm[row * 2 + pass];
    const bool pcm = p.w_noise_type == WeightNoise::pcm_read;
    for_lines<gaussian_lines>(
        first, count, [&](std::size_t b, float* xi) { line_gaussians(noise, b, draw, xi); },
        [&](std::size_t begin, std::size_t n, const float* xi) {
          for (std::size_t i = 0; i < n; ++i) {
            y[begin + i] += sigma * (pcm ? std::sqrt(variance[begin + i]) : norm) * xi[i];
          }
        });
  }
  if (!nonlinearity_.empty()) {
    for (std::size_t i = 0; i < count; ++i) y[i] /= 1 + std::fabs(nonlinearity_[first + i] * y[i]);
  }
  if (nonlinearity_gain_ != 1) {
    for (std::size_t i = 0; i < count; ++i) y[i] *= nonlinearity_gain_;
  }
  if (p.out_asymmetry != 0) {
    const auto negative = static_cast<float>(1 - p.out_asymmetry);
    for (std::size_t i = 0; i < count; ++i) y[i] = y[i] < 0 ? y[i] * negative : y[i];
  }
  if (p.out_noise > 0 && request.noise) {
    const random::Stream noise(key_, random::purpose_of(Purpose::output_noise, request.stream), step);
    const auto sigma = static_cast<float>(p.out_noise);
    for_lines<gaussian_lines>(
        first, count, [&](std::size_t b, float* xi) { line_gaussians(noise, b, draw, xi); },
        [&](std::size_t begin, std::size_t n, const float* xi) {
          if (noise_std_.empty()) {
            for (std::size_t i = 0; i < n; ++i) y[begin + i] += sigma * xi[i];
          } else {
            for (std::size_t i = 0; i < n; ++i) y[begin + i] += noise_std_[first + begin + i] * xi[i];
          }
        });
  }
}

// Lowers the whole vector by what its largest output exceeds the bound; it is not restored (of use before a softmax).
void ReadChannel::shift(Block& block, std::size_t row) const {
  if (parameters_.mv_type == ReadPasses::positive_negative) {
    float* y = block.y[0].data() + row * outputs_;
    const float* y_negative = block.y[1].data() + row * outputs_;
    for (std::size_t i = 0; i < outputs_; ++i) y[i] += y_negative[i];
    std::fill_n(block.y[1].data() + row * outputs_, outputs_, 0.0F);
  }
  for (std::size_t pass = 0; pass < block.passes; ++pass) {
    float* y = block.y[pass].data() + row * outputs_;
    const float excess = *std::max_element(y, y + outputs_) - static_cast<float>(parameters_.out_bound);
    if (excess > 0) {
      for (std::size_t i = 0; i < outputs_; ++i) y[i] -= excess;
    }
  }
}

// ADC and scaling of lines [first, first + count) of one vector. Says whether a line clipped.
bool ReadChannel::convert(const ReadRequest& request, const Block& block, std::size_t row, std::size_t first,
                          std::size_t count) const {
  float* result = request.y + block.vectors[row] * outputs_ + first;
  const float* y[2] = {block.y[0].data() + row * outputs_ + first,
                       block.passes == 2 ? block.y[1].data() + row * outputs_ + first : nullptr};
  bool clipped = false;
  if (parameters_.mv_type == ReadPasses::positive_negative_digital) {
    AlignedVector<float> negative(y[1], y[1] + count);
    std::copy_n(y[0], count, result);
    clipped = digitise(request, block, row, 0, first, count, result);
    clipped = digitise(request, block, row, 1, first, count, negative.data()) || clipped;
    for (std::size_t i = 0; i < count; ++i) result[i] += negative[i];
  } else {
    if (block.passes == 2) {
      for (std::size_t i = 0; i < count; ++i) result[i] = y[0][i] + y[1][i];
    } else {
      std::copy_n(y[0], count, result);
    }
    clipped = digitise(request, block, row, 0, first, count, result);
  }
  const auto scale = static_cast<float>(parameters_.out_scale) * block.scale[row] * block.factor[row];
  for (std::size_t i = 0; i < count; ++i) result[i] *= scale;
  return clipped;
}

bool ReadChannel::digitise(const ReadRequest& request, const Block& block, std::size_t row, std::size_t pass,
                           std::size_t first, std::size_t count, float* y) const {
  const IoParameters& p = parameters_;
  if (p.out_res > 0) {
    const auto q = static_cast<float>(2 * p.out_res * p.out_bound);
    if (p.out_sto_round && request.noise) {
      const std::uint64_t step = request.first_step + block.vectors[row];
      const random::Stream rounding(key_, random::purpose_of(Purpose::output_rounding, request.stream), step);
      for_lines<word_lines>(
          first, count, [&](std::size_t b, float* u) { line_rounding(rounding, b, block.draw(pass), u); },
          [&](std::size_t begin, std::size_t n, const float* u) {
            for (std::size_t i = 0; i < n; ++i) y[begin + i] = q * std::rint(y[begin + i] / q + u[i]);
          });
    } else {
      for (std::size_t i = 0; i < count; ++i) y[i] = q * std::rint(y[i] / q);
    }
  }
  if (p.out_bound <= 0) return false;
  const auto bound = static_cast<float>(p.out_bound);
  const float low = p.bm_test_negative_bound ? -bound : -std::numeric_limits<float>::infinity();
  int clips = 0;
  for (std::size_t i = 0; i < count; ++i) {
    clips |= static_cast<int>(y[i] > bound) | static_cast<int>(y[i] < low);
    y[i] = std::min(std::max(y[i], -bound), bound);
  }
  return clips != 0;
}

}  // namespace mho::periphery
