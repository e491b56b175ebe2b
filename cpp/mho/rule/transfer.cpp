#include "mho/rule/transfer.h"

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
using pulse::Snapshot;

// Samples that are taken together: what the lines that are read among them need of memory stays small.
constexpr std::size_t block_samples = 64;

pulse::UpdateParameters read_update(Parameters& p, const char* name) {
  return pulse::UpdateParameters(p.section(name));
}

}  // namespace

TransferRule::TransferRule(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, int threads)
    : main_(main),
      update_(update),
      transfer_update_(read_update(p, "transfer_update")),
      columns_(p.flag("transfer_columns")),
      every_(p.number("transfer_every", 1, 1e12)),
      batch_size_(p.number("batch_size", 1, 1e9)),
      fast_lr_(p.number("fast_lr", 0, 1e12)),
      scale_fast_lr_(p.flag("scale_fast_lr")),
      transfer_lr_(p.number("transfer_lr", 0, 1e12)),
      scale_transfer_lr_(p.flag("scale_transfer_lr")),
      gamma_(p.number("gamma", -1e6, 1e6)) {
  const periphery::IoParameters io(p.section("transfer_io"));
  std::vector<Parameters>& devices = p.sections("fast_devices");
  for (std::size_t level = 0; level < devices.size(); ++level) {
    const std::string name = array_name(level, devices.size());
    std::vector<std::uint64_t> keys;
    for (std::size_t k = 0; k < instances(); ++k) {
      keys.push_back(random::derive_key(main.crosspoints().key(k).value(), name));
    }
    fast_.push_back(
        std::make_unique<array::Array>(array::make_crosspoints(devices[level], main.shape(), keys, threads), io, io));
    for (const std::uint64_t key : keys) {
      readers_.emplace_back(io, periphery::Direction::forward, line_length(), 1,
                            random::Key::from(random::derive_key(key, "transfer")));
    }
  }
  samples_.resize(levels());
  reads_.resize(levels());
}

// In samples of that level. Slower levels wait until all lines of the level above have been read.
std::uint64_t TransferRule::period(std::size_t level) const {
  const double period = level == 0 ? every_ * batch_size_ : static_cast<double>(lines());
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(std::llround(period)), 1);
}

double TransferRule::fast_rate(std::size_t, double lr, const float*, const float*) {
  return scale_fast_lr_ ? fast_lr_ * lr : fast_lr_;
}

std::vector<double> TransferRule::checked_rates(const Batch& x, const Batch& d, double lr) {
  for (std::size_t level = 0; level < levels(); ++level) {
    target(level).check_trains(write_rate(level, lr), transfer_update_);
  }
  // Rates may follow running means, which go back where they were if the update cannot be.
  std::vector<std::vector<float>> kept;
  for (const auto& buffer : line_buffers_) kept.push_back(buffer->values);
  std::vector<double> rates(instances() * x.samples);
  try {
    for (std::size_t k = 0; k < instances(); ++k) {
      for (std::size_t s = 0; s < x.samples; ++s) {
        rates[k * x.samples + s] = fast_rate(k, lr, x.instance(k) + s * x.features, d.instance(k) + s * d.features);
      }
    }
    fast_[0]->check_pulse(x, d, {rates.data(), x.samples}, update_);
  } catch (...) {
    for (std::size_t b = 0; b < kept.size(); ++b) line_buffers_[b]->values = kept[b];
    throw;
  }
  return rates;
}

void TransferRule::update(const Batch& x, const Batch& d, double lr, int threads) {
  const auto& shape = main_.shape();
  const std::vector<double> rates = checked_rates(x, d, lr);
  for (std::size_t first = 0; first < x.samples; first += block_samples) {
    const std::size_t count = std::min(block_samples, x.samples - first);
    // The samples of this block, for each instance one after the other.
    std::vector<float> own[2];
    const auto part = [&](const Batch& batch, std::vector<float>& values) {
      const std::size_t sets = batch.per_instance ? instances() : 1;
      const std::size_t size = count * batch.features;
      if (sets == 1) return Batch{batch.data + first * batch.features, count, batch.features, false};
      values.resize(sets * size);
      for (std::size_t k = 0; k < sets; ++k) {
        std::copy_n(batch.instance(k) + first * batch.features, size, values.data() + k * size);
      }
      return Batch{values.data(), count, batch.features, true};
    };
    Batch block_x = part(x, own[0]);
    Batch block_d = part(d, own[1]);
    std::vector<Event> events = schedule(0, count);
    std::vector<float> chopped[2];
    if (this->chopped()) {
      chop(block_x, block_d, events, chopped[0], chopped[1]);
      block_x = {chopped[0].data(), count, shape.in_features, true};
      block_d = {chopped[1].data(), count, shape.out_features, true};
    }
    run(0, block_x, block_d, {rates.data() + first, x.samples}, lr, events, threads);
  }
  seen_is_old_ = true;
}

// The lines that are read while a level sees some more samples.
std::vector<TransferRule::Event> TransferRule::schedule(std::size_t level, std::size_t samples) {
  std::vector<Event> events;
  for (std::size_t s = 0; s < samples; ++s) {
    if (++samples_[level] % period(level) != 0) continue;
    const std::uint64_t number = reads_[level]++;
    events.push_back({s, static_cast<std::size_t>(number % lines()), number, number / lines(), {}, {}});
  }
  return events;
}

// Multiplies the samples with the signs that hold at each, and notes those of the lines that are read.
void TransferRule::chop(const Batch& x, const Batch& d, std::vector<Event>& events, std::vector<float>& chopped_x,
                        std::vector<float>& chopped_d) {
  chopped_x.resize(instances() * x.samples * x.features);
  chopped_d.resize(instances() * d.samples * d.features);
  for (Event& event : events) {
    event.sign.resize(instances() * line_length());
    event.fresh.resize(instances());
  }
  const auto multiply = [](const float* values, const float* signs, std::size_t n, float* target) {
    for (std::size_t i = 0; i < n; ++i) target[i] = values[i] * signs[i];
  };
  for (std::size_t k = 0; k < instances(); ++k) {
    auto event = events.begin();
    for (std::size_t s = 0; s < x.samples; ++s) {
      const Signs now = signs(k);
      multiply(x.instance(k) + s * x.features, columns_ ? now.lines : now.across, x.features,
               chopped_x.data() + (k * x.samples + s) * x.features);
      multiply(d.instance(k) + s * d.features, columns_ ? now.across : now.lines, d.features,
               chopped_d.data() + (k * d.samples + s) * d.features);
      for (; event != events.end() && event->sample == s; ++event) {
        for (std::size_t i = 0; i < line_length(); ++i) {
          event->sign[k * line_length() + i] = now.lines[event->line] * now.across[i];
        }
        line_was_read(k, *event);
      }
    }
  }
}

void TransferRule::run(std::size_t level, const Batch& x, const Batch& d, array::Rates rates, double lr,
                       const std::vector<Event>& events, int threads) {
  if (level == levels()) return main_.pulse(x, d, rates, transfer_update_, threads);
  array::Array& from = *fast_[level];
  const auto orientation = columns_ ? Snapshot::Line::column : Snapshot::Line::row;
  const std::size_t padded = from.line_size(orientation);
  std::vector<float> seen(events.size() * instances() * padded);
  std::vector<LineSnapshot> snapshots;
  for (std::size_t e = 0; e < events.size(); ++e) {
    snapshots.push_back({orientation, events[e].line, events[e].sample, seen.data() + e * instances() * padded});
  }
  from.pulse(x, d, rates, level == 0 ? update_ : transfer_update_, threads, snapshots);
  if (events.empty()) return;

  // Each line that was read is a sample of the next array: the line itself on one side, what is written on the other.
  const auto& shape = main_.shape();
  const std::size_t n = events.size();
  std::vector<float> next_x(instances() * n * shape.in_features);
  std::vector<float> next_d(instances() * n * shape.out_features);
  parallel_for(n * instances() * line_length() < 20000 ? 1 : threads, instances(), [&](std::size_t k) {
    std::vector<float> read(line_length());
    std::vector<float> write(line_length());
    for (std::size_t e = 0; e < n; ++e) {
      const float one = 1.0F;
      const periphery::MatrixView line{seen.data() + (e * instances() + k) * padded, line_length(), 1, 1};
      readers_[level * instances() + k].read(line, {.x = &one,
                                                    .y = read.data(),
                                                    .vectors = 1,
                                                    .first_step = events[e].number,
                                                    .stream = random::ReadStream::forward,
                                                    .noise = true,
                                                    .track_average = false,
                                                    .threads = 1});
      digest(level, k, events[e], lr, rates.of(k, events[e].sample), read.data(), write.data());
      float* x_row = next_x.data() + (k * n + e) * shape.in_features;
      float* d_row = next_d.data() + (k * n + e) * shape.out_features;
      if (columns_) {
        x_row[events[e].line] = 1.0F;
        for (std::size_t i = 0; i < line_length(); ++i) d_row[i] = -write[i];
      } else {
        d_row[events[e].line] = -1.0F;
        std::copy_n(write.data(), line_length(), x_row);
      }
    }
  });
  digital_operations_ += n * instances() * operations_per_line();
  const double rate = write_rate(level, lr);
  run(level + 1, {next_x.data(), n, shape.in_features, true}, {next_d.data(), n, shape.out_features, true}, {&rate}, lr,
      level + 1 < levels() ? schedule(level + 1, n) : std::vector<Event>{}, threads);
}

void TransferRule::rest() {
  const std::vector<float> zeros(main_.shape().out_features * main_.shape().in_features);
  for (const auto& array : fast_) (void)array->crosspoints().set_weight(zeros.data(), false);
  for (const auto& buffer : crosspoint_buffers_) std::ranges::fill(buffer->values, 0.0F);
  seen_is_old_ = true;
}

// W = sum over levels of gamma^(distance to the main array) times the array, the fast one with its choppers undone.
const float* TransferRule::visible(std::size_t instance) {
  if (gamma_ == 0) return nullptr;
  const auto& shape = main_.shape();
  if (seen_is_old_) {
    seen_.resize(instances() * shape.plane());
    for (std::size_t k = 0; k < instances(); ++k) {
      float* seen = seen_.data() + k * shape.plane();
      std::copy_n(main_.crosspoints().visible(k), shape.plane(), seen);
      for (std::size_t level = 0; level < levels(); ++level) {
        const auto weight = static_cast<float>(std::pow(gamma_, static_cast<double>(levels() - level)));
        const float* part = fast_[level]->crosspoints().visible(k);
        const Signs now = level == 0 ? signs(k) : Signs{};
        for (std::size_t i = 0; i < shape.out_features; ++i) {
          for (std::size_t j = 0; j < shape.in_features; ++j) {
            const std::size_t at = i * shape.stride() + j;
            const float sign = now.lines == nullptr ? 1.0F : now.lines[columns_ ? j : i] * now.across[columns_ ? i : j];
            seen[at] += weight * sign * part[at];
          }
        }
      }
    }
    seen_is_old_ = false;
  }
  return seen_.data() + instance * shape.plane();
}

void TransferRule::state_changed() { seen_is_old_ = true; }

std::vector<NamedArray> TransferRule::arrays() {
  std::vector<NamedArray> arrays;
  for (std::size_t level = 0; level < levels(); ++level) {
    arrays.push_back({array_name(level, levels()), fast_[level].get()});
  }
  return arrays;
}

std::vector<Buffer*> TransferRule::buffers() {
  std::vector<Buffer*> buffers;
  for (const auto& buffer : crosspoint_buffers_) buffers.push_back(buffer.get());
  for (const auto& buffer : line_buffers_) buffers.push_back(buffer.get());
  return buffers;
}

Buffer& TransferRule::add_buffer(const std::string& name) {
  crosspoint_buffers_.push_back(std::make_unique<Buffer>(name, instances(), main_.shape().out_features,
                                                         main_.shape().in_features, 0.0F, columns_));
  return *crosspoint_buffers_.back();
}

Buffer& TransferRule::add_line_buffer(const std::string& name, std::size_t size, float start) {
  line_buffers_.push_back(std::make_unique<Buffer>(name, instances(), 1, size, start));
  return *line_buffers_.back();
}

std::vector<array::Counter> TransferRule::counters() const {
  return {{"transfer_samples", samples_}, {"transfer_reads", reads_}, {"digital_operations", {digital_operations_}}};
}

void TransferRule::set_counters(const std::vector<array::Counter>& counters) {
  samples_ = counters[0].values;
  reads_ = counters[1].values;
  digital_operations_ = counters[2].values[0];
}

}  // namespace mho::rule
