#include "mho/rule/hosted_rule.h"

#include <algorithm>
#include <cmath>

#include "mho/array/device_list.h"
#include "mho/error.h"
#include "mho/parallel.h"
#include "mho/random/key.h"

namespace mho::rule {

namespace {

using array::Batch;
using array::LineSnapshot;

// As many as the tile has outputs or inputs, or a number.
std::size_t extent(Parameters& p, const char* parameter, const array::Shape& shape) {
  const std::string text = p.text(parameter);
  if (text == "out_features") return shape.out_features;
  if (text == "in_features") return shape.in_features;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 9 || !std::ranges::all_of(text, digit) || std::stoul(text) == 0) {
    fail_value(p.section() + "." + parameter + " must be out_features, in_features or a whole number from 1 on, got " +
               text);
  }
  return std::stoul(text);
}

}  // namespace

HostedRule::HostedRule(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
    : main_(main), update_(update) {
  std::vector<std::uint64_t> main_keys;
  for (std::size_t k = 0; k < instances(); ++k) main_keys.push_back(main.crosspoints().key(k).value());
  add("main", &main, 1, p.section("line_io"), main_keys);
  const std::vector<std::string> taken = main.crosspoints().plane_names();
  if (p.has("arrays")) {
    for (Parameters& section : p.sections("arrays")) {
      const std::string own_name = section.text("name");
      for (const std::string& plane : taken) {
        if (plane.starts_with(own_name + "/")) {
          fail_value("a rule's array must not be named " + own_name + ": a part of the cell has that name");
        }
      }
      std::vector<std::uint64_t> keys;
      for (const std::uint64_t key : main_keys) keys.push_back(random::derive_key(key, own_name));
      auto own = std::make_unique<array::Array>(
          array::make_crosspoints(section.section("device"), main.shape(), keys, threads),
          periphery::IoParameters(section.section("forward_io")),
          periphery::IoParameters(section.section("backward_io")));
      add(own_name, own.get(), section.number("gamma", -1e6, 1e6), section.section("line_io"), keys);
      slots_.back().own = std::move(own);
      section.finish();
    }
  }
  if (p.has("buffers")) {
    for (Parameters& section : p.sections("buffers")) {
      const std::string own_name = section.text("name");
      if (std::ranges::find(taken, own_name) != taken.end()) {
        fail_value("a rule's buffer must not be named " + own_name + ": the devices have an array of that name");
      }
      starts_.push_back(static_cast<float>(section.number("start", -1e12, 1e12)));
      const std::size_t rows = extent(section, "rows", main.shape());
      const std::size_t columns = extent(section, "columns", main.shape());
      buffers_.push_back(std::make_shared<Buffer>(own_name, instances(), rows, columns, starts_.back()));
      section.finish();
    }
  }
}

void HostedRule::add(const std::string& array_name, array::Array* array, double gamma, Parameters& line_io,
                     const std::vector<std::uint64_t>& keys) {
  const periphery::IoParameters io(line_io);
  Slot slot{array_name, array, gamma, nullptr, {}, {}, 0};
  for (const std::uint64_t key : keys) {
    const random::Key reader = random::Key::from(random::derive_key(key, "transfer"));
    slot.columns.emplace_back(io, periphery::Direction::forward, shape().out_features, 1, reader);
    slot.rows.emplace_back(io, periphery::Direction::forward, shape().in_features, 1, reader);
  }
  slots_.push_back(std::move(slot));
}

void HostedRule::update(const Batch& x, const Batch& d, double lr, Threads) {
  if (half_updated_) {
    fail_runtime("an update of this tile has failed halfway: load a state, or set its weights, before the next one");
  }
  if (!host_) fail_runtime("a hosted rule needs its host");
  touched_ = false;
  try {
    host_(x, d, lr);
  } catch (...) {
    half_updated_ = touched_;
    throw;
  }
  samples_ += x.samples;
}

std::size_t HostedRule::find(const std::string& array_name) const {
  const auto found = std::ranges::find(slots_, array_name, &Slot::name);
  if (found == slots_.end()) {
    std::string known;
    for (const std::string& one : array_names()) known += (known.empty() ? "" : ", ") + one;
    fail_value("the rule has no array named " + array_name + "; it has " + known);
  }
  return static_cast<std::size_t>(found - slots_.begin());
}

std::vector<std::string> HostedRule::array_names() const {
  std::vector<std::string> names;
  for (const Slot& slot : slots_) names.push_back(slot.name);
  return names;
}

void HostedRule::check_line(Line line, std::size_t index) const {
  if (index < lines(line)) return;
  fail_value(std::string(line == Line::column ? "column" : "row") + " must be < " + std::to_string(lines(line)) +
             ", got " + std::to_string(index));
}

void HostedRule::pulse(std::size_t place, const Batch& x, const Batch& d, array::Rates lr,
                       const pulse::UpdateParameters* update, Line line, std::span<const LineRead> reads, float* values,
                       Threads threads) {
  Slot& slot = slots_[place];
  const pulse::UpdateParameters& trains = update == nullptr ? update_ : *update;
  slot.array->check_pulse(x, d, lr, trains);
  const std::size_t room = instances() * slot.array->line_size(line);
  std::vector<float> seen(reads.size() * room);
  std::vector<std::size_t> places(reads.size() * instances());  // the same line of all instances
  std::vector<LineSnapshot> snapshots;
  for (std::size_t r = 0; r < reads.size(); ++r) {
    check_line(line, reads[r].line);
    if (reads[r].sample >= x.samples || (r > 0 && reads[r].sample < reads[r - 1].sample)) {
      fail_value("the samples that lines are read after must be in order, and < " + std::to_string(x.samples) +
                 ", got " + std::to_string(reads[r].sample));
    }
    std::fill_n(places.data() + r * instances(), instances(), reads[r].line);
    snapshots.push_back({line, places.data() + r * instances(), reads[r].sample, seen.data() + r * room});
  }
  touch();
  slot.array->pulse(x, d, lr, trains, threads, snapshots);
  digitise(slot, line, seen.data(), reads.size(), values, threads);
}

void HostedRule::read_lines(std::size_t place, Line line, std::span<const std::size_t> wanted, float* values,
                            Threads threads) {
  Slot& slot = slots_[place];
  for (const std::size_t index : wanted) check_line(line, index);
  touch();
  const std::size_t size = slot.array->line_size(line);
  std::vector<float> seen(wanted.size() * instances() * size);
  for (std::size_t r = 0; r < wanted.size(); ++r) {
    for (std::size_t k = 0; k < instances(); ++k) {
      slot.array->crosspoints().copy_line(k, line, wanted[r], seen.data() + (r * instances() + k) * size);
    }
  }
  digitise(slot, line, seen.data(), wanted.size(), values, threads);
}

// What lines were, through the periphery of their reads.
void HostedRule::digitise(Slot& slot, Line line, const float* seen, std::size_t reads, float* values, Threads threads) {
  const std::size_t size = slot.array->line_size(line);
  const std::size_t length = line_length(line);
  auto& channels = line == Line::column ? slot.columns : slot.rows;
  const double work = channels[0].nanoseconds(reads) * static_cast<double>(instances());
  parallel_for(threads.for_work(work), instances(), [&](std::size_t k) {
    for (std::size_t r = 0; r < reads; ++r) {
      channels[k].read_line(seen + (r * instances() + k) * size, slot.line_reads + r,
                            values + (k * reads + r) * length);
    }
  });
  slot.line_reads += reads;
}

void HostedRule::read(std::size_t place, periphery::Direction direction, const Batch& x, float* y, Threads threads) {
  touch();
  slots_[place].array->read(direction, x, y, true, false, threads);
}

void HostedRule::pulse_by_count(std::size_t place, const float* counts, bool per_instance, bool pulse_by_pulse,
                                Threads threads) {
  array::Array& target = *slots_[place].array;
  const std::size_t n = target.shape().devices() / (per_instance ? 1 : instances());
  for (std::size_t i = 0; i < n; ++i) {
    if (std::rint(counts[i]) != counts[i] || std::fabs(counts[i]) > array::Array::most_pulses_by_count) {
      fail_value("numbers of pulses must be whole, and at most 16777216 in magnitude, got " +
                 std::to_string(counts[i]));
    }
  }
  target.pulse_by_count(counts, per_instance, pulse_by_pulse, threads);
  touch();
}

std::size_t HostedRule::program(std::size_t place, const float* w, bool per_instance) {
  touch();
  return slots_[place].array->crosspoints().set_weight(w, per_instance);
}

std::shared_ptr<Buffer> HostedRule::buffer(const std::string& buffer_name) {
  for (const auto& buffer : buffers_) {
    if (buffer->name != buffer_name) continue;
    touched_ = true;
    return buffer;
  }
  std::string known;
  for (const auto& buffer : buffers_) known += (known.empty() ? "" : ", ") + buffer->name;
  fail_value("the rule has no buffer named " + buffer_name + (known.empty() ? "" : "; it has " + known));
}

void HostedRule::rest() {
  const std::vector<float> zeros(shape().crosspoints());
  for (const Slot& slot : slots_) {
    if (slot.own) (void)slot.own->crosspoints().set_weight(zeros.data(), false);
  }
  for (std::size_t b = 0; b < buffers_.size(); ++b) std::ranges::fill(buffers_[b]->values, starts_[b]);
  seen_.change();
  half_updated_ = false;
}

// W = main + sum of gamma times the array, over the others.
const float* HostedRule::visible(std::size_t instance) {
  if (std::ranges::none_of(slots_, [](const Slot& slot) { return slot.own && slot.gamma != 0; })) return nullptr;
  return seen_.of(instance, main_, [&](std::size_t k, float* sum) {
    for (const Slot& slot : slots_) {
      if (!slot.own || slot.gamma == 0) continue;
      add_share(static_cast<float>(slot.gamma), slot.own->crosspoints().visible(k), shape().plane(), sum);
    }
  });
}

std::vector<NamedArray> HostedRule::arrays() {
  std::vector<NamedArray> arrays;
  for (const Slot& slot : slots_) {
    if (slot.own) arrays.push_back({slot.name, slot.array});
  }
  return arrays;
}

std::vector<Buffer*> HostedRule::buffers() {
  std::vector<Buffer*> buffers;
  for (const auto& buffer : buffers_) buffers.push_back(buffer.get());
  return buffers;
}

std::vector<array::Counter> HostedRule::counters() const {
  array::Counter reads{"transfer_reads", {}};
  array::Counter forward{"array_forward", {}};
  array::Counter backward{"array_backward", {}};
  for (const Slot& slot : slots_) {
    reads.values.push_back(slot.line_reads);
    if (!slot.own) continue;
    forward.values.push_back(slot.array->steps().forward);
    backward.values.push_back(slot.array->steps().backward);
  }
  return {{"samples", {samples_}},
          reads,
          forward,
          backward,
          {"digital_operations", {digital_operations_}},
          {"half_updated", {half_updated_ ? 1U : 0U}}};
}

void HostedRule::set_counters(const std::vector<array::Counter>& counters) {
  samples_ = counters[0].values[0];
  std::size_t own = 0;
  for (std::size_t place = 0; place < slots_.size(); ++place) {
    slots_[place].line_reads = counters[1].values[place];
    if (!slots_[place].own) continue;
    array::Steps steps = slots_[place].array->steps();
    steps.forward = counters[2].values[own];
    steps.backward = counters[3].values[own++];
    slots_[place].array->set_steps(steps);
  }
  digital_operations_ = counters[4].values[0];
  half_updated_ = counters[5].values[0] != 0;
}

}  // namespace mho::rule
