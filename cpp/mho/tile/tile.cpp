#include "mho/tile/tile.h"

#include <algorithm>
#include <cmath>

#include "mho/array/device_list.h"
#include "mho/error.h"

namespace mho::tile {

namespace {
void check_rate(double lr) {
  if (!std::isfinite(lr) || lr < 0) fail_value("update: lr must be >= 0, got " + std::to_string(lr));
}
}  // namespace

Tile::Tile(std::size_t out_features, std::size_t in_features, const std::vector<std::uint64_t>& keys,
           Configuration configuration, Threads threads) {
  const periphery::IoParameters forward_io(configuration.forward_io);
  const periphery::IoParameters backward_io(configuration.backward_io);
  const pulse::UpdateParameters update(configuration.update);
  main_ = std::make_unique<array::Array>(
      array::make_crosspoints(configuration.device, {out_features, in_features, keys.size()}, keys, threads),
      forward_io, backward_io);
  rule_ = rule::make_rule(configuration.rule, *main_, update, threads);
}

// What reads see of each instance where that is more than the main array; empty otherwise.
std::vector<const float*> Tile::combined() {
  std::vector<const float*> weights;
  for (std::size_t k = 0; k < main_->shape().instances; ++k) {
    const float* seen = rule_->visible(k);
    if (seen == nullptr) return {};
    weights.push_back(seen);
  }
  return weights;
}

void Tile::forward(const array::Batch& x, float* y, bool noise, bool evaluation, Threads threads) {
  main_->read(periphery::Direction::forward, x, y, noise, evaluation, threads, combined());
}

void Tile::backward(const array::Batch& d, float* y, bool noise, bool evaluation, Threads threads) {
  main_->read(periphery::Direction::backward, d, y, noise, evaluation, threads, combined());
}

void Tile::check_update(const array::Batch& x, const array::Batch& d, double lr) {
  check_rate(lr);
  rule_->check_update(x, d, lr);
}

void Tile::update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) {
  check_rate(lr);
  rule_->update(x, d, lr, threads);
}

std::size_t Tile::set_weight(const float* w, bool per_instance) {
  rule_->rest();
  if (rule_->visible(0) == nullptr) return main_->crosspoints().set_weight(w, per_instance);
  // The main array makes up for what the others show at rest: some devices cannot be at zero.
  const array::Shape& shape = main_->shape();
  std::vector<float> wanted;
  wanted.reserve(shape.devices());
  for (std::size_t k = 0; k < shape.instances; ++k) {
    const float* all = rule_->visible(k);
    const float* own = main_->crosspoints().visible(k);
    const float* target = w + (per_instance ? k * shape.crosspoints() : 0);
    for (std::size_t i = 0; i < shape.out_features; ++i) {
      for (std::size_t j = 0; j < shape.in_features; ++j) {
        const std::size_t at = shape.place(i, j);
        wanted.push_back(*target++ - (all[at] - own[at]));
      }
    }
  }
  const std::size_t unreached = main_->crosspoints().set_weight(wanted.data(), true);
  rule_->state_changed();
  return unreached;
}

std::size_t Tile::set_part(const std::string& part, const float* w, bool per_instance) {
  const std::size_t unreached = main_->crosspoints().set_part(part, w, per_instance);
  rule_->state_changed();
  return unreached;
}

array::Array& Tile::array(const std::string& name) {
  if (name == "main") return *main_;
  std::string known = "main";
  for (const rule::NamedArray& named : rule_->arrays()) {
    if (named.name == name) return *named.array;
    known += ", " + named.name;
  }
  fail_value("array must be one of " + known + ", got " + name);
}

std::vector<Tile::Part> Tile::parts() {
  std::vector<Part> parts{{rule_->visible(0) == nullptr ? "" : "main/", main_.get()}};
  for (const rule::NamedArray& named : rule_->arrays()) parts.push_back({named.name + "/", named.array});
  return parts;
}

std::vector<std::string> Tile::list(bool state) {
  std::vector<std::string> names;
  if (!state && rule_->visible(0) != nullptr) names.emplace_back("weight");
  for (const Part& part : parts()) {
    const array::Crosspoints& crosspoints = part.array->crosspoints();
    for (const std::string& name : state ? crosspoints.state_names() : crosspoints.plane_names()) {
      names.push_back(part.prefix + name);
    }
  }
  for (const rule::Buffer* buffer : rule_->buffers()) names.push_back(buffer->name);
  return names;
}

Extents Tile::extents(const std::string& name) {
  for (const rule::Buffer* buffer : rule_->buffers()) {
    if (buffer->name == name) return {buffer->rows, buffer->columns};
  }
  return {main_->shape().out_features, main_->shape().in_features};
}

void Tile::copy(const std::string& name, float* target) {
  const array::Shape& shape = main_->shape();
  for (rule::Buffer* buffer : rule_->buffers()) {
    if (buffer->name != name) continue;
    for (std::size_t k = 0; k < shape.instances; ++k, target += buffer->size()) buffer->copy(k, target);
    return;
  }
  if (name == "weight" && rule_->visible(0) != nullptr) {
    for (std::size_t k = 0; k < shape.instances; ++k) {
      const float* seen = rule_->visible(k);
      for (std::size_t i = 0; i < shape.out_features; ++i) {
        for (std::size_t j = 0; j < shape.in_features; ++j) *target++ = seen[shape.place(i, j)];
      }
    }
    return;
  }
  for (const Part& part : parts()) {
    if (!name.starts_with(part.prefix)) continue;
    const std::string rest = name.substr(part.prefix.size());
    if (part.array->crosspoints().has_plane(rest)) return part.array->crosspoints().copy_plane(rest, target);
  }
  fail_value("a tile has no array named " + name);
}

void Tile::load_state(const std::vector<const float*>& values) {
  const std::size_t instances = main_->shape().instances;
  std::vector<std::vector<const float*>> shares;
  std::size_t used = 0;
  const auto take = [&](std::size_t n) {
    if (used + n > values.size()) fail_value("a state needs every array of the tile");
    shares.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(used),
                        values.begin() + static_cast<std::ptrdiff_t>(used + n));
    used += n;
  };
  for (const Part& part : parts()) {
    take(part.array->crosspoints().state_names().size());
    part.array->crosspoints().check_state(shares.back());
  }
  const std::vector<rule::Buffer*> buffers = rule_->buffers();
  take(buffers.size());
  if (used != values.size()) fail_value("a state has arrays that the tile does not have");
  for (std::size_t b = 0; b < buffers.size(); ++b) {
    const float* source = shares.back()[b];
    if (!std::all_of(source, source + instances * buffers[b]->size(), [](float v) { return std::isfinite(v); })) {
      fail_value("array " + buffers[b]->name + " of a state must be finite");
    }
  }
  // All is well: from here on nothing fails.
  std::size_t share = 0;
  for (const Part& part : parts()) part.array->crosspoints().load_state(shares[share++]);
  for (std::size_t b = 0; b < buffers.size(); ++b) {
    for (std::size_t k = 0; k < instances; ++k) buffers[b]->assign(k, shares[share][b] + k * buffers[b]->size());
  }
  rule_->state_changed();
}

std::vector<array::Counter> Tile::counters() {
  std::vector<array::Counter> all;
  for (const Part& part : parts()) {
    if (part.array != main_.get()) {
      all.push_back({part.prefix + "update", {part.array->steps().update}});
      all.push_back({part.prefix + "elapse", {part.array->steps().elapse}});
    }
    for (array::Counter& counter : part.array->crosspoints().counters()) {
      all.push_back({part.prefix + counter.name, std::move(counter.values)});
    }
  }
  for (array::Counter& counter : rule_->counters()) all.push_back(std::move(counter));
  return all;
}

void Tile::set_counters(const std::vector<array::Counter>& counters) {
  auto next = counters.begin();
  const auto take = [&](std::size_t n) {
    const std::vector<array::Counter> share(next, next + static_cast<std::ptrdiff_t>(n));
    next += static_cast<std::ptrdiff_t>(n);
    return share;
  };
  for (const Part& part : parts()) {
    if (part.array != main_.get()) {
      array::Steps steps = part.array->steps();
      steps.update = take(1).front().values.front();
      steps.elapse = take(1).front().values.front();
      part.array->set_steps(steps);
    }
    part.array->crosspoints().set_counters(take(part.array->crosspoints().counters().size()));
  }
  rule_->set_counters(take(rule_->counters().size()));
}

std::size_t Tile::buffer_bytes() {
  std::size_t bytes = 0;
  for (const rule::Buffer* buffer : rule_->buffers()) bytes += buffer->values.size() * sizeof(float);
  return bytes;
}

std::size_t Tile::memory_bytes() {
  std::size_t bytes = buffer_bytes();
  for (const Part& part : parts()) bytes += part.array->memory_bytes();
  return bytes;
}

void Tile::elapse(double seconds, Threads threads) {
  if (!std::isfinite(seconds) || seconds < 0) {
    fail_value("elapse: seconds must be >= 0, got " + std::to_string(seconds));
  }
  for (const Part& part : parts()) part.array->elapse(seconds, threads);
  rule_->state_changed();
}

bool Tile::ages() {
  const auto all = parts();
  return std::any_of(all.begin(), all.end(), [](const Part& part) { return part.array->crosspoints().ages(); });
}

void Tile::reset(const array::Selection& chosen, Threads threads) {
  main_->reset(chosen, threads);
  rule_->state_changed();
}

void Tile::stick(const array::Selection& chosen) {
  main_->crosspoints().stick(chosen);
  rule_->state_changed();
}

}  // namespace mho::tile
