#include "mho/array/ideal_crosspoints.h"

#include <algorithm>
#include <cmath>

#include "mho/error.h"
#include "mho/parallel.h"
#include "mho/simd/simd.h"

namespace mho::array {

using simd::F32;

IdealCrosspoints::IdealCrosspoints(const Shape& shape, const std::vector<std::uint64_t>& keys)
    : DeviceCrosspoints(shape, keys) {
  pulses_.resize(shape.instances);
  planes_.push_back({"weight", RawVector<float>(shape.instances * shape.plane(), 0.0F)});
}

void IdealCrosspoints::pulse(std::size_t, const pulse::Request&) { fail_value("ideal weights take no pulses"); }

void IdealCrosspoints::reset(const Selection& chosen, std::uint64_t, int) {
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    for (std::size_t i = 0; i < shape_.out_features; ++i) {
      float* weights = planes_[0].values.data() + k * shape_.plane() + i * shape_.stride();
      for (std::size_t j = 0; j < shape_.in_features; ++j) {
        if (chosen.has(shape_, k, i, j)) weights[j] = 0;
      }
    }
  }
}

void IdealCrosspoints::stick(const Selection&) { fail_value("ideal weights cannot be stuck"); }

void IdealCrosspoints::check_accumulate(const Batch& x, const Batch& d, Rates lr) const {
  const auto largest = [&](const Batch& batch) {
    const std::size_t count = batch.samples * batch.features * (batch.per_instance ? shape_.instances : 1);
    float m = 0;
    for (std::size_t i = 0; i < count; ++i) m = std::max(m, std::fabs(batch.data[i]));
    return static_cast<double>(m);
  };
  const double change = lr.largest(shape_.instances, x.samples) * largest(x) * largest(d);
  if (change * static_cast<double>(x.samples) > 1e30) fail_value("update: lr * d * x is too large for float32 weights");
}

void IdealCrosspoints::accumulate(const Batch& x, const Batch& d, Rates lr, Samples samples, int threads) {
  const std::size_t stride = shape_.stride();
  const double work = static_cast<double>(shape_.instances * shape_.plane()) * static_cast<double>(samples.count);
  // The padded inputs of each instance, so that a row is whole registers.
  const std::size_t sets = x.per_instance ? shape_.instances : 1;
  AlignedVector<float> padded(sets * samples.count * stride);
  for (std::size_t v = 0; v < sets * samples.count; ++v) {
    const float* source = x.instance(v / samples.count) + (samples.first + v % samples.count) * shape_.in_features;
    std::copy_n(source, shape_.in_features, padded.data() + v * stride);
  }
  parallel_for(work < parallel_updates ? 1 : threads, shape_.instances * shape_.rows() / 4, [&](std::size_t item) {
    const std::size_t k = item / (shape_.rows() / 4);
    const std::size_t first_row = item % (shape_.rows() / 4) * 4;
    const std::size_t rows = std::min<std::size_t>(4, shape_.out_features - first_row);
    const float* inputs = padded.data() + (x.per_instance ? k * samples.count * stride : 0);
    const float* errors = d.instance(k) + samples.first * shape_.out_features + first_row;
    float* weights = planes_[0].values.data() + k * shape_.plane() + first_row * stride;
    for (std::size_t j = 0; j < stride; j += 16) {
      F32 w[4];
      for (std::size_t r = 0; r < rows; ++r) w[r] = F32::load(weights + r * stride + j);
      for (std::size_t s = 0; s < samples.count; ++s) {
        const F32 xs = F32::load(inputs + s * stride + j);
        const double sample_rate = lr.of(k, samples.first + s);
        for (std::size_t r = 0; r < rows; ++r) {
          const auto gain = static_cast<float>(sample_rate * errors[s * shape_.out_features + r]);
          w[r] = simd::fnma(F32(gain), xs, w[r]);
        }
      }
      for (std::size_t r = 0; r < rows; ++r) w[r].store(weights + r * stride + j);
    }
  });
}

}  // namespace mho::array
