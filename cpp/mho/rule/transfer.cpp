#include "mho/rule/transfer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mho/array/device_list.h"
#include "mho/error.h"
#include "mho/parallel.h"
#include "mho/random/key.h"

namespace mho::rule {

namespace {

using array::Batch;
using array::LineSnapshot;

// Samples that are taken together: what the lines that are read among them need of memory stays small.
constexpr std::size_t block_samples = 64;

pulse::UpdateParameters read_update(Parameters& p, const char* name) {
  return pulse::UpdateParameters(p.section(name));
}

// What only rules with a chain of arrays have.
double optional_number(Parameters& p, const char* name, double low, double high, double otherwise) {
  return p.has(name) ? p.number(name, low, high) : otherwise;
}

// Some samples of a batch, of each instance one after the other; `own` keeps them where they are not so already.
Batch part_of(const Batch& batch, std::size_t first, std::size_t count, std::size_t instances,
              std::vector<float>& own) {
  if (count == batch.samples) return batch;
  if (!batch.per_instance) return {batch.data + first * batch.features, count, batch.features, false};
  const std::size_t size = count * batch.features;
  own.resize(instances * size);
  for (std::size_t k = 0; k < instances; ++k) {
    std::copy_n(batch.instance(k) + first * batch.features, size, own.data() + k * size);
  }
  return {own.data(), count, batch.features, true};
}

array::Rates rates_from(array::Rates rates, std::size_t first) {
  return {rates.samples == 0 ? rates.values : rates.values + first, rates.samples};
}

}  // namespace

TransferRule::TransferRule(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
    : main_(main),
      update_(update),
      transfer_update_(read_update(p, "transfer_update")),
      columns_(p.flag("transfer_columns")),
      every_(p.number("transfer_every", 1, 1e12)),
      batch_size_(p.number("batch_size", 1, 1e9)),
      fast_lr_(p.number("fast_lr", 0, 1e12)),
      scale_fast_lr_(p.flag("scale_fast_lr")),
      every_growth_(optional_number(p, "transfer_every_growth", 0, 1e9, 0)),
      transfer_lr_(p.number("transfer_lr", 0, 1e12)),
      lr_growth_(optional_number(p, "transfer_lr_growth", 1e-6, 1e6, 1)),
      scale_transfer_lr_(p.flag("scale_transfer_lr")),
      gamma_(p.number("gamma", -1e6, 1e6)),
      random_order_(p.choice<bool>("transfer_order", {{"sequential", false}, {"random", true}})),
      reset_prob_(p.number("reset_prob", 0, 1)) {
  const periphery::IoParameters io(p.section("transfer_io"));
  std::vector<Parameters>& devices = p.sections("fast_devices");
  for (std::size_t level = 0; level < devices.size(); ++level) {
    const std::string name = array_name(level, devices.size());
    std::vector<std::uint64_t> keys;
    for (std::size_t k = 0; k < instances(); ++k) {
      keys.push_back(random::derive_key(main.crosspoints().key(k).value(), name));
    }
    fast_.push_back(
        std::make_unique<array::Array>(array::make_crosspoints(devices[level], main.shape(), keys, threads)));
    if (gamma_ == 0) fast_.back()->crosspoints().expect_reads_of_lines();
    for (const std::uint64_t key : keys) {
      readers_.emplace_back(io, periphery::Direction::forward, line_length(), 1,
                            random::Key::from(random::derive_key(key, "transfer")));
    }
  }
  samples_.resize(levels());
  reads_.resize(levels());
  if (random_order_) line_reads_.resize(instances() * lines());
  if (reset_prob_ > 0) resets_.resize(levels());
}

// In samples of that level. Where nothing else is said, slower levels wait until all lines of the level above have been
// read.
std::uint64_t TransferRule::period(std::size_t level) const {
  double period = every_ * batch_size_;
  if (level > 0) period = every_growth_ > 0 ? every_growth_ : static_cast<double>(lines());
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(std::llround(period)), 1);
}

double TransferRule::fast_rate(std::size_t, double lr, const float*, const float*) {
  return scale_fast_lr_ ? fast_lr_ * lr : fast_lr_;
}

std::vector<double> TransferRule::checked_rates(const Batch& x, const Batch& d, double lr) {
  for (std::size_t level = 0; level < levels(); ++level) {
    target(level).check_trains(write_rate(level, lr), transfer_update_);
  }
  const auto kept = running_means();
  std::vector<double> rates(instances() * x.samples);
  try {
    for (std::size_t k = 0; k < instances(); ++k) {
      for (std::size_t s = 0; s < x.samples; ++s) {
        rates[k * x.samples + s] = fast_rate(k, lr, x.instance(k) + s * x.features, d.instance(k) + s * d.features);
      }
    }
    fast_[0]->check_pulse(x, d, {rates.data(), x.samples}, update_);
  } catch (...) {
    set_running_means(kept);
    throw;
  }
  return rates;
}

std::vector<std::vector<float>> TransferRule::running_means() const {
  std::vector<std::vector<float>> values;
  for (const auto& buffer : line_buffers_) values.push_back(buffer->values);
  return values;
}

void TransferRule::set_running_means(const std::vector<std::vector<float>>& values) {
  for (std::size_t b = 0; b < values.size(); ++b) line_buffers_[b]->values = values[b];
}

void TransferRule::check_update(const Batch& x, const Batch& d, double lr) {
  const auto kept = running_means();
  (void)checked_rates(x, d, lr);
  set_running_means(kept);
}

void TransferRule::update(const Batch& x, const Batch& d, double lr, Threads threads) {
  const auto& shape = main_.shape();
  const std::vector<double> rates = checked_rates(x, d, lr);
  for (std::size_t first = 0; first < x.samples; first += block_samples) {
    const std::size_t count = std::min(block_samples, x.samples - first);
    std::vector<float> own[2];
    Batch block_x = part_of(x, first, count, instances(), own[0]);
    Batch block_d = part_of(d, first, count, instances(), own[1]);
    std::vector<Event> events = schedule(0, count);
    std::vector<float> chopped[2];
    if (this->chopped()) {
      chop(block_x, block_d, events, chopped[0], chopped[1]);
      block_x = {chopped[0].data(), count, shape.in_features, true};
      block_d = {chopped[1].data(), count, shape.out_features, true};
    }
    run(0, block_x, block_d, {rates.data() + first, x.samples}, lr, events, threads);
  }
  seen_.change();
}

double TransferRule::chance(random::Key key, random::Purpose purpose, std::uint64_t step, std::uint32_t element) {
  return random::Stream(key, purpose, step).words_of_one(element, 0)[0] * 0x1p-32;
}

// The lines that are read while a level sees some more samples.
std::vector<TransferRule::Event> TransferRule::schedule(std::size_t level, std::size_t samples) {
  std::vector<Event> events;
  for (std::size_t s = 0; s < samples; ++s) {
    if (++samples_[level] % period(level) != 0) continue;
    const std::uint64_t number = reads_[level]++;
    Event event{s, number, number / lines(), {}, {}, {}, {}};
    event.line.assign(instances(), static_cast<std::size_t>(number % lines()));
    event.before.assign(instances(), event.sweep);
    for (std::size_t k = 0; random_order_ && k < instances(); ++k) {
      const double where = chance(fast_[level]->crosspoints().key(k), random::Purpose::line_choice, number);
      event.line[k] = static_cast<std::size_t>(where * static_cast<double>(lines()));
      if (level == 0) event.before[k] = line_reads_[k * lines() + event.line[k]]++;
    }
    events.push_back(std::move(event));
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
          event->sign[k * line_length() + i] = now.lines[event->line[k]] * now.across[i];
        }
        line_was_read(k, *event);
      }
    }
  }
}

// Whether a line is reset now that it was read, and which devices that are.
bool TransferRule::choose_reset(std::size_t level, const Event& event, std::vector<std::uint8_t>& chosen) {
  if (reset_prob_ == 0) return false;
  const auto& shape = main_.shape();
  chosen.assign(shape.devices(), 0);
  const std::uint64_t before = resets_[level];
  for (std::size_t k = 0; k < instances(); ++k) {
    if (chance(fast_[level]->crosspoints().key(k), random::Purpose::line_reset, event.number) >= reset_prob_) continue;
    ++resets_[level];
    for (std::size_t i = 0; i < line_length(); ++i) {
      const std::size_t row = columns_ ? i : event.line[k];
      const std::size_t column = columns_ ? event.line[k] : i;
      chosen[(k * shape.out_features + row) * shape.in_features + column] = 1;
    }
  }
  return resets_[level] > before;
}

// Pulses an array and looks at the lines that are read on the way. Some are reset then, before the next sample comes.
void TransferRule::pulse(std::size_t level, const Batch& x, const Batch& d, array::Rates rates,
                         const std::vector<Event>& events, float* seen, Threads threads) {
  array::Array& array = *fast_[level];
  const pulse::UpdateParameters& update = level == 0 ? update_ : transfer_update_;
  std::vector<LineSnapshot> looks;
  std::vector<std::uint8_t> chosen;
  std::vector<float> own[2];
  std::size_t done = 0;
  const auto pulse_until = [&](std::size_t end) {
    array.pulse(part_of(x, done, end - done, instances(), own[0]), part_of(d, done, end - done, instances(), own[1]),
                rates_from(rates, done), update, threads, looks);
    looks.clear();
    done = end;
  };
  for (const Event& event : events) {
    looks.push_back({orientation(), event.line.data(), event.sample - done, seen});
    seen += instances() * array.line_size(orientation());
    if (!choose_reset(level, event, chosen)) continue;
    pulse_until(event.sample + 1);
    array.crosspoints().reset({chosen.data(), true}, event.number, threads);
  }
  if (done < x.samples) pulse_until(x.samples);
}

void TransferRule::run(std::size_t level, const Batch& x, const Batch& d, array::Rates rates, double lr,
                       const std::vector<Event>& events, Threads threads) {
  if (level == levels()) return main_.pulse(x, d, rates, transfer_update_, threads);
  const std::size_t padded = fast_[level]->line_size(orientation());
  std::vector<float> seen(events.size() * instances() * padded);
  pulse(level, x, d, rates, events, seen.data(), threads);
  if (events.empty()) return;

  // Each line that was read is a sample of the next array: the line itself on one side, what is written on the other.
  const auto& shape = main_.shape();
  const std::size_t n = events.size();
  const double rate = write_rate(level, lr);
  const float most = largest_write(level, rate);
  std::vector<float> next_x(instances() * n * shape.in_features);
  std::vector<float> next_d(instances() * n * shape.out_features);
  const double work = readers_[level * instances()].nanoseconds(n) * static_cast<double>(instances());
  parallel_for(threads.for_work(work), instances(), [&](std::size_t k) {
    std::vector<float> read(line_length());
    std::vector<float> write(line_length());
    for (std::size_t e = 0; e < n; ++e) {
      const float* line = seen.data() + (e * instances() + k) * padded;
      readers_[level * instances() + k].read_line(line, events[e].number, read.data());
      digest(level, k, events[e], lr, rates.of(k, events[e].sample), read.data(), write.data());
      for (float& value : write) value = std::clamp(value, -most, most);
      float* x_row = next_x.data() + (k * n + e) * shape.in_features;
      float* d_row = next_d.data() + (k * n + e) * shape.out_features;
      if (columns_) {
        x_row[events[e].line[k]] = 1.0F;
        for (std::size_t i = 0; i < line_length(); ++i) d_row[i] = -write[i];
      } else {
        d_row[events[e].line[k]] = -1.0F;
        std::copy_n(write.data(), line_length(), x_row);
      }
    }
  });
  digital_operations_ += n * instances() * operations_per_line();
  run(level + 1, {next_x.data(), n, shape.in_features, true}, {next_d.data(), n, shape.out_features, true}, {&rate}, lr,
      level + 1 < levels() ? schedule(level + 1, n) : std::vector<Event>{}, threads);
}

// What is written has bounds only where weights take any number: an update that has begun must not fail because lines
// of a block add up to more than they hold.
float TransferRule::largest_write(std::size_t level, double rate) const {
  constexpr double largest = std::numeric_limits<float>::max();
  if (rate <= 0 || target(level).crosspoints().pulsed()) return static_cast<float>(largest);
  return static_cast<float>(std::fmin(0.99e30 / (static_cast<double>(block_samples) * rate), largest));
}

void TransferRule::rest() {
  const std::vector<float> zeros(main_.shape().crosspoints());
  for (const auto& array : fast_) (void)array->crosspoints().set_weight(zeros.data(), false);
  for (const auto& buffer : crosspoint_buffers_) std::ranges::fill(buffer->values, 0.0F);
  seen_.change();
}

// W = sum over levels of gamma^(distance to the main array) times the array, the fast one without its baseline and with
// its choppers undone.
const float* TransferRule::visible(std::size_t instance) {
  if (gamma_ == 0) return nullptr;
  return seen_.of(instance, main_, [&](std::size_t k, float* sum) {
    for (std::size_t level = 0; level < levels(); ++level) {
      const auto share = static_cast<float>(std::pow(gamma_, static_cast<double>(levels() - level)));
      const float* weights = fast_[level]->crosspoints().visible(k);
      const Signs now = level == 0 ? signs(k) : Signs{};
      Buffer* taken_off = level == 0 ? baseline() : nullptr;
      const float* base = taken_off == nullptr ? nullptr : taken_off->of(k);
      if (now.lines == nullptr && base == nullptr) {
        add_share(share, weights, main_.shape().plane(), sum);
      } else if (columns_) {
        add_fast<true>(share, weights, now, base, sum);
      } else {
        add_fast<false>(share, weights, now, base, sum);
      }
    }
  });
}

template <bool columns>
void TransferRule::add_fast(float share, const float* weights, const Signs& now, const float* base, float* sum) const {
  const auto& shape = main_.shape();
  const std::size_t n = line_length();
  for (std::size_t j = 0; j < shape.in_features; ++j) {
    const std::size_t first = shape.place(0, j);
    for (std::size_t i = 0; i < shape.out_features; ++i) {
      const float sign = now.lines == nullptr ? 1.0F : now.lines[columns ? j : i] * now.across[columns ? i : j];
      const float taken_off = base == nullptr ? 0.0F : base[columns ? j * n + i : i * n + j];
      sum[first + i] += share * sign * (weights[first + i] - taken_off);
    }
  }
}

void TransferRule::state_changed() { seen_.change(); }

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

std::vector<Buffer*> TransferRule::add_buffers(const std::string& name) {
  std::vector<Buffer*> buffers;
  for (std::size_t level = 0; level < levels(); ++level) {
    buffers.push_back(&add_buffer(levels() == 1 ? name : name + std::to_string(level)));
  }
  return buffers;
}

Buffer& TransferRule::add_line_buffer(const std::string& name, std::size_t size, float start) {
  line_buffers_.push_back(std::make_unique<Buffer>(name, instances(), 1, size, start));
  return *line_buffers_.back();
}

std::vector<array::Counter> TransferRule::counters() const {
  std::vector<array::Counter> counters{
      {"transfer_samples", samples_}, {"transfer_reads", reads_}, {"digital_operations", {digital_operations_}}};
  // What only some options need.
  if (!line_reads_.empty()) counters.push_back({"transfer_line_reads", line_reads_});
  if (!resets_.empty()) counters.push_back({"transfer_resets", resets_});
  return counters;
}

void TransferRule::set_counters(const std::vector<array::Counter>& counters) {
  samples_ = counters[0].values;
  reads_ = counters[1].values;
  digital_operations_ = counters[2].values[0];
  std::size_t next = 3;
  if (!line_reads_.empty()) line_reads_ = counters[next++].values;
  if (!resets_.empty()) resets_ = counters[next].values;
}

}  // namespace mho::rule
