#include "mho/array/array.h"

#include <algorithm>
#include <cmath>

#include "mho/error.h"
#include "mho/parallel.h"

namespace mho::array {

Array::Array(const Shape& shape, const std::vector<std::uint64_t>& keys, const periphery::IoParameters& forward_io,
             const periphery::IoParameters& backward_io)
    : shape_(shape), pulses_(shape.instances) {
  if (shape.out_features == 0 || shape.in_features == 0 || shape.instances == 0) {
    fail_value("an array needs at least one output, one input and one instance");
  }
  if (keys.size() != shape.instances) fail_value("an array needs one key for each instance");
  if (shape.rows() / 4 * shape.stride() > 0xFFFFFFFFULL)
    fail_value("an array of this size has no counters left to name its devices");
  keys_.reserve(keys.size());
  forward_.reserve(keys.size());
  backward_.reserve(keys.size());
  for (const std::uint64_t key : keys) {
    keys_.push_back(random::Key::from(key));
    forward_.emplace_back(forward_io, periphery::Direction::forward, shape.out_features, shape.in_features,
                          keys_.back());
    backward_.emplace_back(backward_io, periphery::Direction::backward, shape.out_features, shape.in_features,
                           keys_.back());
  }
}

const Plane& Array::plane(const std::string& name) const {
  for (const Plane& p : planes_) {
    if (p.name == name) return p;
  }
  fail_value("a device has no array named " + name);
}

bool Array::has_plane(const std::string& name) const {
  return std::any_of(planes_.begin(), planes_.end(), [&](const Plane& p) { return p.name == name; });
}

std::vector<std::string> Array::plane_names() const {
  std::vector<std::string> names;
  names.reserve(planes_.size());
  for (const Plane& p : planes_) names.push_back(p.name);
  return names;
}

const float* Array::visible(std::size_t instance) const {
  return planes_[has_write_noise() ? 1 : 0].values.data() + instance * shape_.plane();
}

void Array::read(periphery::Direction direction, const Batch& x, float* y, bool noise, bool evaluation, int threads) {
  const bool forward = direction == periphery::Direction::forward;
  const std::size_t outputs = forward ? shape_.out_features : shape_.in_features;
  std::uint64_t& step = forward ? (evaluation ? steps_.evaluation_forward : steps_.forward)
                                : (evaluation ? steps_.evaluation_backward : steps_.backward);
  const auto stream = forward ? (evaluation ? random::ReadStream::evaluation_forward : random::ReadStream::forward)
                              : (evaluation ? random::ReadStream::evaluation_backward : random::ReadStream::backward);
  const bool outer = shape_.instances > 1;
  parallel_for(outer ? threads : 1, shape_.instances, [&](std::size_t k) {
    auto& channel = forward ? forward_[k] : backward_[k];
    const periphery::MatrixView w{visible(k), shape_.out_features, shape_.in_features, shape_.stride()};
    channel.read(w, {.x = x.instance(k),
                     .y = y + k * x.samples * outputs,
                     .vectors = x.samples,
                     .first_step = step,
                     .stream = stream,
                     .noise = noise,
                     .track_average = !evaluation,
                     .threads = outer ? 1 : threads});
  });
  step += x.samples;
}

std::size_t Array::set_weight(const float* w, bool per_instance) {
  const Plane* lower = lower_bounds();
  const Plane* upper = upper_bounds();
  std::size_t unreached = 0;
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    const float* source = w + (per_instance ? k * shape_.out_features * shape_.in_features : 0);
    for (std::size_t i = 0; i < shape_.out_features; ++i) {
      for (std::size_t j = 0; j < shape_.in_features; ++j) {
        const std::size_t at = k * shape_.plane() + i * shape_.stride() + j;
        const float wanted = source[i * shape_.in_features + j];
        float reached = wanted;
        if (upper != nullptr) reached = std::min(reached, upper->values[at]);
        if (lower != nullptr) reached = std::max(reached, lower->values[at]);
        unreached += static_cast<std::size_t>(reached < wanted || reached > wanted);
        planes_[0].values[at] = reached;
      }
    }
  }
  if (has_write_noise()) planes_[1].values = planes_[0].values;
  return unreached;
}

void Array::copy_plane(const std::string& name, float* target) const {
  const Plane& source = plane(name);
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    for (std::size_t i = 0; i < shape_.out_features; ++i) {
      const float* row = source.values.data() + k * shape_.plane() + i * shape_.stride();
      target = std::copy_n(row, shape_.in_features, target);
    }
  }
}

void Array::load_planes(const std::vector<const float*>& values) {
  if (values.size() != planes_.size()) fail_value("a state needs every array of the devices");
  std::vector<Plane> loaded = planes_;
  const std::size_t devices = shape_.out_features * shape_.in_features;
  for (std::size_t p = 0; p < planes_.size(); ++p) {
    for (std::size_t k = 0; k < shape_.instances; ++k) {
      for (std::size_t i = 0; i < shape_.out_features; ++i) {
        for (std::size_t j = 0; j < shape_.in_features; ++j) {
          const float value = values[p][k * devices + i * shape_.in_features + j];
          if (!std::isfinite(value)) fail_value("array " + planes_[p].name + " of a state must be finite");
          if (value < 0 && planes_[p].name.starts_with("dw_min")) {
            fail_value("array " + planes_[p].name + " of a state must be >= 0");
          }
          loaded[p].values[k * shape_.plane() + i * shape_.stride() + j] = value;
        }
      }
    }
  }
  std::swap(planes_, loaded);
  const Plane* lower = lower_bounds();
  const Plane* upper = upper_bounds();
  if (lower == nullptr || upper == nullptr) return;
  for (std::size_t at = 0; at < planes_[0].values.size(); ++at) {
    const float w = planes_[0].values[at];
    if (w < lower->values[at] || w > upper->values[at]) {
      std::swap(planes_, loaded);
      fail_value("a state has a weight outside of its device's bounds");
    }
  }
}

std::vector<float> Array::running_averages() const {
  std::vector<float> values;
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    values.push_back(forward_[k].running_average());
    values.push_back(backward_[k].running_average());
  }
  return values;
}

void Array::set_running_averages(const std::vector<float>& values) {
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    forward_[k].set_running_average(values[2 * k]);
    backward_[k].set_running_average(values[2 * k + 1]);
  }
}

std::size_t Array::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Plane& p : planes_) bytes += p.values.size() * sizeof(float);
  for (const auto& channel : forward_) bytes += channel.memory_bytes();
  for (const auto& channel : backward_) bytes += channel.memory_bytes();
  return bytes;
}

}  // namespace mho::array
