#include "mho/array/ideal_crosspoints.h"

#include <algorithm>

#include "mho/error.h"
#include "mho/parallel.h"
#include "mho/simd/largest.h"

namespace mho::array {

using simd::F32;

IdealCrosspoints::IdealCrosspoints(const Shape& shape, const std::vector<std::uint64_t>& keys)
    : DeviceCrosspoints(shape, keys) {
  pulses_.resize(shape.instances);
  planes_.push_back({"weight", RawVector<float>(shape.instances * shape.plane(), 0.0F)});
}

void IdealCrosspoints::pulse(std::size_t, const pulse::Request&) { fail_value("ideal weights take no pulses"); }

void IdealCrosspoints::reset(const Selection& chosen, std::uint64_t, Threads) {
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    float* weights = planes_[0].values.data() + k * shape_.plane();
    for (std::size_t j = 0; j < shape_.in_features; ++j) {
      for (std::size_t i = 0; i < shape_.out_features; ++i) {
        if (chosen.has(shape_, k, i, j)) weights[shape_.place(i, j)] = 0;
      }
    }
  }
}

void IdealCrosspoints::stick(const Selection&) { fail_value("ideal weights cannot be stuck"); }

void IdealCrosspoints::check_accumulate(const Batch& x, const Batch& d, Rates lr) const {
  const auto largest = [&](const Batch& batch) {
    const std::size_t count = batch.samples * batch.features * (batch.per_instance ? shape_.instances : 1);
    return static_cast<double>(simd::largest_magnitude(batch.data, count));
  };
  const double change = lr.largest(shape_.instances, x.samples) * largest(x) * largest(d);
  if (change * static_cast<double>(x.samples) > 1e30) fail_value("update: lr * d * x is too large for float32 weights");
}

void IdealCrosspoints::accumulate(const Batch& x, const Batch& d, Rates lr, Samples samples, Threads threads) {
  const std::size_t stride = shape_.stride();
  const double work = static_cast<double>(shape_.instances * shape_.plane()) * static_cast<double>(samples.count);
  // What each output moves by for an input of 1, padded, so that the devices of an input are whole registers.
  const std::size_t sets = d.per_instance || lr.samples > 0 ? shape_.instances : 1;
  AlignedVector<float> gains(sets * samples.count * stride);
  for (std::size_t v = 0; v < sets * samples.count; ++v) {
    const std::size_t k = v / samples.count;
    const std::size_t s = samples.first + v % samples.count;
    const float* errors = d.instance(k) + s * shape_.out_features;
    const double rate = lr.of(k, s);
    for (std::size_t i = 0; i < shape_.out_features; ++i) gains[v * stride + i] = static_cast<float>(rate * errors[i]);
  }
  constexpr std::size_t together = 4;
  constexpr double nanoseconds_per_update = 0.1;
  const std::size_t items = shape_.padded_inputs() / together;
  parallel_for(threads.for_work(nanoseconds_per_update * work), shape_.instances * items, [&](std::size_t item) {
    const std::size_t k = item / items;
    const std::size_t first = item % items * together;
    const std::size_t inputs = std::min(together, shape_.in_features - first);
    const float* own = gains.data() + (sets > 1 ? k * samples.count * stride : 0);
    const float* values = x.instance(k) + samples.first * shape_.in_features + first;
    float* weights = planes_[0].values.data() + k * shape_.plane() + first * stride;
    for (std::size_t i = 0; i < stride; i += 16) {
      F32 w[together];
      for (std::size_t r = 0; r < inputs; ++r) w[r] = F32::load(weights + r * stride + i);
      for (std::size_t s = 0; s < samples.count; ++s) {
        const F32 gain = F32::load(own + s * stride + i);
        for (std::size_t r = 0; r < inputs; ++r) {
          w[r] = simd::fnma(gain, F32(values[s * shape_.in_features + r]), w[r]);
        }
      }
      for (std::size_t r = 0; r < inputs; ++r) w[r].store(weights + r * stride + i);
    }
  });
}

}  // namespace mho::array
