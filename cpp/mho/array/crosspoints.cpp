#include "mho/array/crosspoints.h"

#include <algorithm>
#include <cmath>

#include "mho/error.h"
#include "mho/parallel.h"

namespace mho::array {

namespace {

constexpr float largest_count = 16777216;

bool never_negative(const std::string& name) {
  return name.starts_with("dw_min") || name == "lifetime" || name == "diffusion" || name == "age" ||
         name == "pulses_left";
}

}  // namespace

Crosspoints::Crosspoints(const Shape& shape, const std::vector<std::uint64_t>& keys) : shape_(shape) {
  if (shape.out_features == 0 || shape.in_features == 0 || shape.instances == 0) {
    fail_value("an array needs at least one output, one input and one instance");
  }
  if (keys.size() != shape.instances) fail_value("an array needs one key for each instance");
  if ((shape.out_features + 3) / 4 * round_up(shape.in_features, 16) > 0xFFFFFFFFULL)
    fail_value("an array of this size has no counters left to name its devices");
  keys_.reserve(keys.size());
  for (const std::uint64_t key : keys) keys_.push_back(random::Key::from(key));
}

void Crosspoints::accumulate(const Batch&, const Batch&, Rates, Samples, Threads) {
  fail_value("devices that are moved by pulses do not accumulate numbers");
}

void Crosspoints::pulse_by_count(std::size_t, const pulse::CountedRequest&) {
  fail_value("these crosspoints take no numbers of pulses");
}

void Crosspoints::reset_places(std::size_t, std::span<const std::size_t>, random::Key) {
  fail_value("only single devices are reset one by one");
}

void Crosspoints::put_to_rest(std::size_t, std::span<const std::size_t>) {
  fail_value("these crosspoints have no rest");
}

std::size_t Crosspoints::set_part(const std::string& part, const float*, bool) {
  std::string known;
  for (const std::string& name : part_names()) known += (known.empty() ? "" : ", ") + name;
  fail_value("part must be one of a cell's" + (known.empty() ? ", and this device has none" : " (" + known + ")") +
             ", got " + part);
}

void Crosspoints::check_accumulate(const Batch&, const Batch&, Rates) const {}

bool Crosspoints::has_plane(const std::string& name) const {
  const auto names = plane_names();
  return std::ranges::find(names, name) != names.end();
}

void Crosspoints::copy_line(std::size_t instance, pulse::Snapshot::Line line, std::size_t index, float* target) {
  const float* seen = visible(instance);
  if (line == pulse::Snapshot::Line::column) {
    std::copy_n(seen + index * shape_.stride(), shape_.stride(), target);
  } else {
    for (std::size_t j = 0; j < shape_.padded_inputs(); ++j) target[j] = seen[shape_.place(index, j)];
  }
}

void Crosspoints::unpad(const float* padded, float* target) const {
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    shape_.unpad(padded + k * shape_.plane(), target + k * shape_.crosspoints());
  }
}

void Crosspoints::pad(const float* values, float* padded) const {
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    shape_.pad(values + k * shape_.crosspoints(), padded + k * shape_.plane());
  }
}

void DeviceCrosspoints::show_all() {
  for (std::size_t k = 0; k < shape_.instances; ++k) show(k);
}

const float* DeviceCrosspoints::visible(std::size_t instance) {
  show(instance);
  return planes_[has_visible_weight() ? 1 : 0].values.data() + instance * shape_.plane();
}

std::vector<std::string> DeviceCrosspoints::plane_names() const {
  std::vector<std::string> names;
  names.reserve(planes_.size());
  for (const Plane& p : planes_) names.push_back(p.name);
  return names;
}

std::size_t DeviceCrosspoints::set_weight(const float* w, bool per_instance) {
  AlignedVector<float> wanted(shape_.plane());  // of padding 0, where it is
  std::size_t unreached = 0;
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    if (k == 0 || per_instance) shape_.pad(w + k * shape_.crosspoints(), wanted.data());
    const auto values = [&](const Plane* plane) {
      return plane == nullptr ? nullptr : plane->values.data() + k * shape_.plane();
    };
    const float* lower = values(lower_bounds());
    const float* upper = values(upper_bounds());
    const float* left = values(pulses_left());
    show(k);
    float* weight = planes_[0].values.data() + k * shape_.plane();
    float* visible = has_visible_weight() ? planes_[1].values.data() + k * shape_.plane() : nullptr;
    for (std::size_t place = 0; place < shape_.plane(); ++place) {
      float reached = wanted[place];
      if (upper != nullptr) reached = std::min(reached, upper[place]);
      if (lower != nullptr) reached = std::max(reached, lower[place]);
      const bool moves = left == nullptr || left[place] > 0;
      if (!moves) reached = weight[place];
      unreached += static_cast<std::size_t>(reached < wanted[place] || reached > wanted[place]);
      weight[place] = reached;
      if (moves && visible != nullptr) visible[place] = reached;
    }
  }
  return unreached;
}

void DeviceCrosspoints::put_to_rest(std::size_t instance, std::span<const std::size_t> places) {
  const Plane* lower = lower_bounds();
  const Plane* upper = upper_bounds();
  show(instance);
  for (const std::size_t place : places) {
    const std::size_t at = instance * shape_.plane() + place;
    float rest = 0;
    if (upper != nullptr) rest = std::min(rest, upper->values[at]);
    if (lower != nullptr) rest = std::max(rest, lower->values[at]);
    planes_[0].values[at] = rest;
    if (has_visible_weight()) planes_[1].values[at] = rest;
  }
}

void DeviceCrosspoints::copy_plane(const std::string& name, float* target) {
  const auto found = std::ranges::find(planes_, name, &Plane::name);
  if (found == planes_.end()) fail_value("a device has no array named " + name);
  show_all();
  unpad(found->values.data(), target);
}

void DeviceCrosspoints::check_state(const std::vector<const float*>& values) const {
  if (values.size() != planes_.size()) fail_value("a state needs every array of the devices");
  for (std::size_t p = 0; p < planes_.size(); ++p) {
    const std::string& name = planes_[p].name;
    for (std::size_t i = 0; i < shape_.devices(); ++i) {
      if (!std::isfinite(values[p][i])) fail_value("array " + name + " of a state must be finite");
      if (values[p][i] < 0 && never_negative(name)) fail_value("array " + name + " of a state must be >= 0");
      if (name == "pulses_left" && (values[p][i] > largest_count || std::rint(values[p][i]) != values[p][i])) {
        fail_value("array " + name + " of a state must hold whole numbers up to 16777216");
      }
    }
  }
  const auto at = [&](const Plane* plane) { return values[static_cast<std::size_t>(plane - planes_.data())]; };
  const Plane* lower = lower_bounds();
  const Plane* upper = upper_bounds();
  if (lower == nullptr || upper == nullptr) return;
  for (std::size_t i = 0; i < shape_.devices(); ++i) {
    if (values[0][i] < at(lower)[i] || values[0][i] > at(upper)[i]) {
      fail_value("a state has a weight outside of its device's bounds");
    }
  }
}

void DeviceCrosspoints::load_state(const std::vector<const float*>& values) {
  show_all();
  for (std::size_t p = 0; p < planes_.size(); ++p) pad(values[p], planes_[p].values.data());
}

std::vector<Counter> DeviceCrosspoints::counters() const {
  Counter up{"pulses_up", {}};
  Counter down{"pulses_down", {}};
  for (const pulse::PulseCount& count : pulses_) {
    up.values.push_back(count.up);
    down.values.push_back(count.down);
  }
  return {up, down};
}

void DeviceCrosspoints::set_counters(const std::vector<Counter>& counters) {
  for (std::size_t k = 0; k < pulses_.size(); ++k) pulses_[k] = {counters[0].values[k], counters[1].values[k]};
}

std::size_t DeviceCrosspoints::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Plane& p : planes_) bytes += p.values.size() * sizeof(float);
  return bytes;
}

}  // namespace mho::array
