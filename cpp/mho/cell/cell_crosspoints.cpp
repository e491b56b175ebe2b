#include "mho/cell/cell_crosspoints.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "mho/array/device_list.h"
#include "mho/error.h"
#include "mho/random/device_draws.h"
#include "mho/random/key.h"

namespace mho::cell {

namespace {

// A sum of a few floats is as good as this fraction of their magnitudes.
constexpr float rounding = 0x1p-21F;

bool differ(float wanted, float found, float magnitude) {
  return std::fabs(wanted - found) > rounding * std::max(magnitude, std::fabs(wanted));
}

}  // namespace

pulse::Directions directed(pulse::Directions directions, bool subtracted) {
  using enum pulse::Directions;
  if (directions != both && directions != reversed) fail_value("a cell cannot be half of a one-sided pair");
  return (directions == reversed) != subtracted ? reversed : both;
}

CellCrosspoints::CellCrosspoints(const array::Shape& shape, const std::vector<std::uint64_t>& keys)
    : Crosspoints(shape, keys), weight_(shape.instances * shape.plane()), dirty_(shape.instances, 1) {}

array::Crosspoints& CellCrosspoints::add(Parameters& section, std::string name, double gamma, Threads threads) {
  std::vector<std::uint64_t> keys;
  for (const random::Key key : keys_) keys.push_back(random::derive_key(key.value(), name));
  auto made = array::make_crosspoints(section, shape_, keys, threads);
  if (!made->pulsed()) fail_value(section.section() + " must take pulses, as a part of a cell");
  parts_.push_back({std::move(name), std::move(made), static_cast<float>(gamma)});
  return *parts_.back().crosspoints;
}

float CellCrosspoints::gamma(std::size_t p, std::size_t) const { return parts_[p].gamma; }

pulse::Request CellCrosspoints::request_of(std::size_t p, const pulse::Request& request) const {
  pulse::Request result = request;
  result.noise = random::Key::from(random::derive_key(request.noise.value(), parts_[p].name));
  return result;
}

void CellCrosspoints::pulse(std::size_t instance, const pulse::Request& request) {
  std::size_t first = 0;
  const std::size_t samples = request.trains.samples();
  // Stretch by stretch: what is to happen between two samples does so wherever a batch begins and ends.
  const auto pass = [&](std::size_t end) {
    const std::uint64_t stretch = samples_between(first, end) & request.passing;
    first = end;
    if (stretch == 0) return;
    pulse::Request part = request;
    part.passing = stretch;
    part.samples = request.samples & stretch;
    part.snapshots = {};
    pulse_parts(instance, part);
    touch(instance);
  };
  auto snapshot = request.snapshots.begin();
  for (std::size_t s = 0; (every_ > 0 || !request.snapshots.empty()) && s < samples; ++s) {
    const std::uint64_t step = request.first_step + s + 1;
    if (every_ > 0 && (request.passing >> s & 1) != 0 && step % every_ == 0) {
      pass(s + 1);
      happen(instance, step / every_, request);
      touch(instance);
    }
    for (; snapshot != request.snapshots.end() && snapshot->sample == s; ++snapshot) {
      pass(s + 1);
      copy_line(instance, snapshot->line, snapshot->index, snapshot->values);
    }
  }
  pass(samples);
}

void CellCrosspoints::happen(std::size_t, std::uint64_t, const pulse::Request&) {}

std::uint64_t CellCrosspoints::event_key(std::size_t instance, std::string_view what, std::uint64_t event) const {
  return random::derive_key(keys_[instance].value(), std::string(what) + "/" + std::to_string(event));
}

const float* CellCrosspoints::visible(std::size_t instance) {
  float* sum = weight_.data() + instance * shape_.plane();
  if (dirty_[instance] == 0) return sum;
  for (std::size_t p = 0; p < parts(); ++p) {
    const float factor = gamma(p, instance);
    const float* seen = part(p).visible(instance);
    for (std::size_t i = 0; i < shape_.plane(); ++i) sum[i] = (p == 0 ? 0.0F : sum[i]) + factor * seen[i];
  }
  dirty_[instance] = 0;
  return sum;
}

bool CellCrosspoints::ages() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return part.crosspoints->ages(); });
}

void CellCrosspoints::elapse(double seconds, std::uint64_t step, Threads threads) {
  for (const Part& part : parts_) part.crosspoints->elapse(seconds, step, threads);
  touch_all();
}

void CellCrosspoints::reset(const array::Selection& chosen, std::uint64_t step, Threads threads) {
  for (const Part& part : parts_) part.crosspoints->reset(chosen, step, threads);
  touch_all();
}

void CellCrosspoints::stick(const array::Selection& chosen) {
  for (const Part& part : parts_) part.crosspoints->stick(chosen);
  touch_all();
}

CellCrosspoints::Look CellCrosspoints::look(std::size_t left_out) {
  const std::size_t devices = shape_.crosspoints();
  Look result{Target(shape_.devices()), Target(shape_.devices())};
  Target own(shape_.devices());
  for (std::size_t p = 0; p < parts(); ++p) {
    if (p == left_out) continue;
    part(p).copy_plane("weight", own.data());
    for (std::size_t i = 0; i < own.size(); ++i) {
      const float term = gamma(p, i / devices) * own[i];
      result.sum[i] += term;
      result.magnitude[i] += std::fabs(term);
    }
  }
  return result;
}

void CellCrosspoints::correct(std::size_t p, const Target& target) {
  const Look now = look();
  const Look others = look(p);
  Target own(shape_.devices());
  part(p).copy_plane("weight", own.data());
  const std::size_t devices = shape_.crosspoints();
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!differ(target[i], now.sum[i], now.magnitude[i])) continue;
    own[i] = (target[i] - others.sum[i]) / gamma(p, i / devices);
  }
  (void)part(p).set_weight(own.data(), true);
}

std::size_t CellCrosspoints::set_weight(const float* w, bool per_instance) {
  Target target(shape_.devices());
  const std::size_t given = per_instance ? target.size() : target.size() / shape_.instances;
  for (std::size_t i = 0; i < target.size(); ++i) target[i] = w[i % given];
  distribute(target);
  touch_all();
  const Look now = look();
  std::size_t unreached = 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    unreached += static_cast<std::size_t>(differ(target[i], now.sum[i], now.magnitude[i]));
  }
  return unreached;
}

void CellCrosspoints::program(std::size_t p, double mean, double deviation) {
  RawVector<float> padded(shape_.instances * shape_.plane());
  const random::DeviceElements elements(shape_.in_features);
  for (std::size_t k = 0; k < shape_.instances; ++k) {
    const random::Stream stream(keys_[k], random::Purpose::cell_reference, 0);
    for (std::size_t input = 0; input < shape_.in_features; ++input) {
      for (std::size_t group = 0; group < shape_.stride() / random::block_outputs; ++group) {
        simd::F32 value(static_cast<float>(mean));
        if (deviation > 0) {
          const simd::F32 xi =
              random::to_gaussian(stream.words(elements.of_line(group, input), 0), 0, simd::lane_index());
          value = simd::fma(xi, simd::F32(static_cast<float>(deviation)), value);
        }
        value.store(padded.data() + k * shape_.plane() + shape_.place(group * random::block_outputs, input));
      }
    }
  }
  Target target(shape_.devices());
  unpad(padded.data(), target.data());
  (void)part(p).set_weight(target.data(), true);
}

std::vector<std::string> CellCrosspoints::part_names() const {
  std::vector<std::string> names;
  for (const Part& p : parts_) {
    names.push_back(p.name);
    for (const std::string& name : p.crosspoints->part_names()) names.push_back(p.name + "/" + name);
  }
  return names;
}

std::pair<CellCrosspoints::Part*, std::string> CellCrosspoints::find(const std::string& name) {
  const std::size_t slash = name.find('/');
  const auto found = std::ranges::find(parts_, name.substr(0, slash), &Part::name);
  if (found == parts_.end()) return {nullptr, ""};
  return {&*found, slash == std::string::npos ? "" : name.substr(slash + 1)};
}

std::size_t CellCrosspoints::set_part(const std::string& name, const float* w, bool per_instance) {
  const auto [found, rest] = find(name);
  if (found == nullptr) return Crosspoints::set_part(name, w, per_instance);
  const std::size_t unreached = rest.empty() ? found->crosspoints->set_weight(w, per_instance)
                                             : found->crosspoints->set_part(rest, w, per_instance);
  touch_all();
  return unreached;
}

std::vector<std::string> CellCrosspoints::plane_names() const {
  std::vector<std::string> names{"weight"};
  for (const Part& p : parts_) {
    for (const std::string& name : p.crosspoints->plane_names()) names.push_back(p.name + "/" + name);
  }
  return names;
}

void CellCrosspoints::copy_plane(const std::string& name, float* target) {
  if (name == "weight") {
    for (std::size_t k = 0; k < shape_.instances; ++k) (void)visible(k);
    unpad(weight_.data(), target);
    return;
  }
  const auto [found, rest] = find(name);
  if (found == nullptr) fail_value("a cell has no array named " + name);
  found->crosspoints->copy_plane(rest, target);
}

std::vector<std::string> CellCrosspoints::state_names() const {
  std::vector<std::string> names;
  for (const Part& p : parts_) {
    for (const std::string& name : p.crosspoints->state_names()) names.push_back(p.name + "/" + name);
  }
  return names;
}

std::vector<std::vector<const float*>> CellCrosspoints::of_parts(const std::vector<const float*>& values) const {
  std::vector<std::vector<const float*>> result;
  auto next = values.begin();
  for (const Part& p : parts_) {
    const auto end = next + static_cast<std::ptrdiff_t>(p.crosspoints->state_names().size());
    result.emplace_back(next, end);
    next = end;
  }
  return result;
}

void CellCrosspoints::check_state(const std::vector<const float*>& values) const {
  if (values.size() != state_names().size()) fail_value("a state needs every array of the devices");
  const auto own = of_parts(values);
  for (std::size_t p = 0; p < parts(); ++p) parts_[p].crosspoints->check_state(own[p]);
}

void CellCrosspoints::load_state(const std::vector<const float*>& values) {
  const auto own = of_parts(values);
  for (std::size_t p = 0; p < parts(); ++p) part(p).load_state(own[p]);
  touch_all();
}

std::vector<std::uint64_t>& CellCrosspoints::count(std::string name) {
  counted_.push_back(std::make_unique<array::Counter>(
      array::Counter{std::move(name), std::vector<std::uint64_t>(shape_.instances, 0)}));
  return counted_.back()->values;
}

std::vector<array::Counter> CellCrosspoints::counters() const {
  std::vector<array::Counter> result;
  for (const auto& counter : counted_) result.push_back(*counter);
  for (const Part& p : parts_) {
    for (array::Counter& counter : p.crosspoints->counters()) {
      result.push_back({p.name + "/" + counter.name, std::move(counter.values)});
    }
  }
  return result;
}

void CellCrosspoints::set_counters(const std::vector<array::Counter>& counters) {
  auto next = counters.begin();
  for (const auto& counter : counted_) counter->values = (next++)->values;
  for (const Part& p : parts_) {
    const auto end = next + static_cast<std::ptrdiff_t>(p.crosspoints->counters().size());
    p.crosspoints->set_counters({next, end});
    next = end;
  }
  touch_all();
}

std::size_t CellCrosspoints::memory_bytes() const {
  std::size_t bytes = weight_.size() * sizeof(float);
  for (const Part& p : parts_) bytes += p.crosspoints->memory_bytes();
  return bytes;
}

}  // namespace mho::cell
