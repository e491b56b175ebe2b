#include "mho/network/linear.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "mho/error.h"
#include "mho/simd/finite.h"

namespace mho::network {

namespace {

// Of an update of a tile.
constexpr double largest_rate = 1e12;

void check_finite(const char* name, const array::Batch& values) {
  if (!simd::all_finite(values.data, values.samples * values.features)) {
    fail_value(std::string("Linear: ") + name + " must be finite, got NaN or infinity");
  }
}

// Some columns of a matrix; the matrix itself where these are all.
array::Batch columns_of(const array::Batch& x, std::size_t first, std::size_t count, std::vector<float>& copy) {
  if (count == x.features) return x;
  copy.resize(x.samples * count);
  for (std::size_t s = 0; s < x.samples; ++s) {
    std::copy_n(x.data + s * x.features + first, count, copy.data() + s * count);
  }
  return {copy.data(), x.samples, count, false};
}

// scales has an entry for each of n numbers, or one for all.
template <class Operation>
void scale_row(float* row, std::size_t n, const std::vector<float>& scales, Operation&& operation) {
  if (scales.size() == 1) {
    const float scale = scales.front();
    for (std::size_t i = 0; i < n; ++i) row[i] = operation(row[i], scale);
  } else {
    for (std::size_t i = 0; i < n; ++i) row[i] = operation(row[i], scales[i]);
  }
}

float product(float a, float b) { return a * b; }
float quotient(float a, float b) { return a / b; }

}  // namespace

Linear::Linear(std::vector<std::shared_ptr<tile::Tile>> tiles, std::vector<std::size_t> row_edges,
               std::vector<std::size_t> column_edges, Bias bias)
    : tiles_(std::move(tiles)), rows_(std::move(row_edges)), columns_(std::move(column_edges)), bias_kind_(bias) {
  const bool grid = rows_.size() > 1 && columns_.size() > 1 && tiles_.size() == grid_rows() * grid_columns();
  if (!grid) fail_value("Linear: there must be a tile for each part of the matrix");
  for (std::size_t k = 0; k < tiles_.size(); ++k) {
    const array::Shape& shape = tiles_[k]->main().shape();
    if (shape.out_features != row_size(k / grid_columns()) || shape.in_features != column_size(k % grid_columns()) ||
        shape.instances != 1) {
      fail_value("Linear: tile " + std::to_string(k) + " does not have the shape of its part of the matrix");
    }
  }
  scales_.resize(tiles_.size());
  if (bias_kind_ == Bias::digital) bias_.assign(out_features(), 0.0F);
}

bool Linear::independent() const {
  return std::ranges::all_of(tiles_, [](const auto& tile) { return tile->rule().independent(); });
}

std::size_t Linear::outputs(std::size_t inputs) const {
  if (inputs != in_features()) {
    fail_value("Linear: there must be " + std::to_string(in_features()) + " inputs, got " + std::to_string(inputs));
  }
  return out_features();
}

void Linear::set_scales(std::vector<std::vector<float>> scales) {
  if (scales.size() != tiles_.size()) fail_value("Linear: scales must have an entry for each tile");
  for (std::size_t k = 0; k < scales.size(); ++k) {
    std::vector<float>& of_tile = scales[k];
    const bool fits = of_tile.size() == 1 || of_tile.size() == row_size(k / grid_columns());
    if (!fits || !std::all_of(of_tile.begin(), of_tile.end(), [](float s) { return s > 0 && std::isfinite(s); })) {
      fail_value("Linear: scales must be positive, one for each tile or for each output of it");
    }
    if (std::all_of(of_tile.begin(), of_tile.end(), [](float s) { return s == 1.0F; })) of_tile.clear();
  }
  scales_ = std::move(scales);
}

void Linear::set_bias(std::vector<float> bias) {
  if (bias.size() != bias_.size()) {
    fail_value("Linear: bias must have " + std::to_string(bias_.size()) + " entries, got " +
               std::to_string(bias.size()));
  }
  bias_ = std::move(bias);
}

// What goes to the input lines of the crossbars.
array::Batch Linear::lines_of(const array::Batch& x) {
  if (bias_kind_ != Bias::analog) return x;
  const std::size_t lines = columns_.back();
  lines_.resize(x.samples * lines);
  for (std::size_t s = 0; s < x.samples; ++s) {
    float* row = lines_.data() + s * lines;
    std::copy_n(x.data + s * x.features, x.features, row);
    row[x.features] = 1.0F;
  }
  return {lines_.data(), x.samples, lines, false};
}

// The part of d that belongs to a row of the grid, scaled as one of its tiles asks.
array::Batch Linear::scaled_part(const array::Batch& d, std::size_t row, std::size_t tile, Scaling scaling) {
  const array::Batch part = columns_of(d, rows_[row], row_size(row), part_);
  if (scales_[tile].empty()) return part;
  if (part.data != part_.data()) part_.assign(part.data, part.data + part.samples * part.features);
  for (std::size_t s = 0; s < part.samples; ++s) {
    float* values = part_.data() + s * part.features;
    if (scaling == Scaling::multiply) {
      scale_row(values, part.features, scales_[tile], product);
    } else {
      scale_row(values, part.features, scales_[tile], quotient);
    }
  }
  const array::Batch scaled{part_.data(), part.samples, part.features, false};
  check_finite("d, scaled,", scaled);
  return scaled;
}

void Linear::forward(const array::Batch& x, float* y, const Reading& reading) {
  check_finite("x", x);
  const array::Batch lines = lines_of(x);
  const std::size_t width = out_features();
  const bool single = tiles_.size() == 1;
  if (!single) std::fill_n(y, x.samples * width, 0.0F);
  for (std::size_t k = 0; k < tiles_.size(); ++k) {
    const std::size_t r = k / grid_columns();
    const std::size_t c = k % grid_columns();
    const array::Batch part = columns_of(lines, columns_[c], column_size(c), part_);
    float* target = y;
    if (!single) {
      partial_.resize(x.samples * row_size(r));
      target = partial_.data();
    }
    tiles_[k]->forward(part, target, reading.noise, reading.evaluation, reading.threads);
    for (std::size_t s = 0; s < x.samples; ++s) {
      float* row = target + s * row_size(r);
      if (!scales_[k].empty()) scale_row(row, row_size(r), scales_[k], product);
      if (single) continue;
      float* sum = y + s * width + rows_[r];
      for (std::size_t i = 0; i < row_size(r); ++i) sum[i] += row[i];
    }
  }
  if (bias_kind_ != Bias::digital) return;
  for (std::size_t s = 0; s < x.samples; ++s) {
    for (std::size_t i = 0; i < width; ++i) y[s * width + i] += bias_[i];
  }
}

void Linear::backward(const array::Batch& d, const float* /*x*/, const float* /*y*/, float* dx,
                      const Reading& reading) {
  // A NaN must not be found after some of the tiles have been read.
  check_finite("d", d);
  const std::size_t width = in_features();
  const bool direct = tiles_.size() == 1 && bias_kind_ != Bias::analog;
  if (!direct) std::fill_n(dx, d.samples * width, 0.0F);
  for (std::size_t k = 0; k < tiles_.size(); ++k) {
    const std::size_t c = k % grid_columns();
    const array::Batch part = scaled_part(d, k / grid_columns(), k, Scaling::multiply);
    if (direct) {
      tiles_[k]->backward(part, dx, reading.noise, reading.evaluation, reading.threads);
      continue;
    }
    partial_.resize(d.samples * column_size(c));
    tiles_[k]->backward(part, partial_.data(), reading.noise, reading.evaluation, reading.threads);
    // The line of an analog bias has no input that a gradient could go to.
    const std::size_t used = std::min(columns_[c + 1], width) - columns_[c];
    for (std::size_t s = 0; s < d.samples; ++s) {
      const float* row = partial_.data() + s * column_size(c);
      float* sum = dx + s * width + columns_[c];
      for (std::size_t j = 0; j < used; ++j) sum[j] += row[j];
    }
  }
}

template <class Operation>
void Linear::for_each_update(const array::Batch& x, const array::Batch& d, Operation&& operation) {
  const array::Batch lines = lines_of(x);
  for (std::size_t k = 0; k < tiles_.size(); ++k) {
    const std::size_t c = k % grid_columns();
    const array::Batch inputs = columns_of(lines, columns_[c], column_size(c), partial_);
    operation(*tiles_[k], inputs, scaled_part(d, k / grid_columns(), k, Scaling::divide));
  }
}

void Linear::check_update(const array::Batch& x, const array::Batch& d, double lr) {
  if (rate_scale_ == 0) return;
  if (!(lr * rate_scale_ <= largest_rate)) {
    fail_value("Linear: lr times lr_scale must be <= " + std::to_string(largest_rate) + ", got " +
               std::to_string(lr * rate_scale_));
  }
  check_finite("d", d);
  const double rate = lr * rate_scale_;
  for_each_update(x, d, [&](tile::Tile& tile, const array::Batch& inputs, const array::Batch& errors) {
    tile.check_update(inputs, errors, rate);
  });
}

void Linear::update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) {
  if (rate_scale_ == 0) return;
  const double rate = lr * rate_scale_;
  for_each_update(x, d, [&](tile::Tile& tile, const array::Batch& inputs, const array::Batch& errors) {
    tile.update(inputs, errors, rate, threads);
  });
  if (bias_kind_ != Bias::digital) return;
  // Sample by sample, in order.
  const auto bias_rate = static_cast<float>(rate);
  for (std::size_t s = 0; s < d.samples; ++s) {
    for (std::size_t i = 0; i < bias_.size(); ++i) bias_[i] -= bias_rate * d.data[s * d.features + i];
  }
}

}  // namespace mho::network
