#include "mho/network/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mho/simd/math.h"
#include "mho/simd/single.h"

namespace mho::network {

namespace {

std::size_t peak_of(const float* row, std::size_t n) {
  std::size_t peak = 0;
  for (std::size_t i = 1; i < n && !std::isnan(row[peak]); ++i) {
    if (!(row[i] <= row[peak])) peak = i;
  }
  return peak;
}

// Turns differences y - target into the gradient, and returns the loss.
double mean_square(float* d, std::size_t size) {
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += static_cast<double>(d[i]) * static_cast<double>(d[i]);
  const auto factor = static_cast<float>(2.0 / static_cast<double>(size));
  for (std::size_t i = 0; i < size; ++i) d[i] *= factor;
  return sum / static_cast<double>(size);
}

}  // namespace

std::optional<std::int64_t> wrong_label(const std::int64_t* labels, std::size_t samples, std::size_t n) {
  for (std::size_t s = 0; s < samples; ++s) {
    if (labels[s] < 0 || labels[s] >= static_cast<std::int64_t>(n)) return labels[s];
  }
  return std::nullopt;
}

std::size_t count_errors(const Outputs& outputs, const std::int64_t* labels) {
  std::size_t errors = 0;
  for (std::size_t s = 0; s < outputs.samples; ++s) {
    errors += peak_of(outputs.y + s * outputs.n, outputs.n) != static_cast<std::size_t>(labels[s]) ? 1 : 0;
  }
  return errors;
}

double cross_entropy(const Outputs& outputs, const std::int64_t* labels, float* d) {
  const auto samples = static_cast<float>(outputs.samples);
  double loss = 0;
  const float* y = outputs.y;
  float* row = d;
  for (std::size_t s = 0; s < outputs.samples; ++s, y += outputs.n, row += outputs.n) {
    const float peak = y[peak_of(y, outputs.n)];
    if (!std::isfinite(peak)) {
      std::fill(d, d + outputs.samples * outputs.n, std::numeric_limits<float>::quiet_NaN());
      return std::numeric_limits<double>::quiet_NaN();
    }
    float total = 0;
    for (std::size_t i = 0; i < outputs.n; ++i) {
      const float below = y[i] - peak;
      row[i] = below < -87.0F ? 0.0F : simd::exp(simd::F1(below)).v;
      total += row[i];
    }
    loss += std::log(static_cast<double>(total)) - static_cast<double>(y[labels[s]] - peak);
    for (std::size_t i = 0; i < outputs.n; ++i) row[i] /= total;
    row[labels[s]] -= 1.0F;
    for (std::size_t i = 0; i < outputs.n; ++i) row[i] /= samples;
  }
  return loss / static_cast<double>(outputs.samples);
}

double mean_squared_error(const Outputs& outputs, const float* targets, float* d) {
  const std::size_t size = outputs.samples * outputs.n;
  for (std::size_t i = 0; i < size; ++i) d[i] = outputs.y[i] - targets[i];
  return mean_square(d, size);
}

double mean_squared_error(const Outputs& outputs, const std::int64_t* labels, float* d) {
  const std::size_t size = outputs.samples * outputs.n;
  std::copy(outputs.y, outputs.y + size, d);
  for (std::size_t s = 0; s < outputs.samples; ++s) {
    d[s * outputs.n + static_cast<std::size_t>(labels[s])] -= 1.0F;
  }
  return mean_square(d, size);
}

}  // namespace mho::network
