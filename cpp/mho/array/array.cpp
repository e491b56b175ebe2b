#include "mho/array/array.h"

#include <algorithm>

#include "mho/error.h"
#include "mho/parallel.h"

namespace mho::array {

namespace {

// What these take, roughly: an update of an instance, however small; the train of a line; a device and sample; aging or
// resetting a device.
constexpr double nanoseconds_per_instance = 2000;
constexpr double nanoseconds_per_line = 4;
constexpr double nanoseconds_per_sample = 0.3;
constexpr double nanoseconds_per_device = 2;

}  // namespace

Array::Array(std::unique_ptr<Crosspoints> crosspoints, const periphery::IoParameters& forward_io,
             const periphery::IoParameters& backward_io)
    : Array(std::move(crosspoints)) {
  for (std::size_t k = 0; k < shape().instances; ++k) {
    const random::Key key = crosspoints_->key(k);
    forward_.emplace_back(forward_io, periphery::Direction::forward, shape().out_features, shape().in_features, key);
    backward_.emplace_back(backward_io, periphery::Direction::backward, shape().out_features, shape().in_features, key);
  }
}

Array::Array(std::unique_ptr<Crosspoints> crosspoints) : crosspoints_(std::move(crosspoints)) {}

void Array::read(periphery::Direction direction, const Batch& x, float* y, bool noise, bool evaluation, Threads threads,
                 std::span<const float* const> weights) {
  if (forward_.empty()) fail_value("an array without a periphery cannot be read");
  const bool forward = direction == periphery::Direction::forward;
  const std::size_t outputs = forward ? shape().out_features : shape().in_features;
  std::uint64_t& step = forward ? (evaluation ? steps_.evaluation_forward : steps_.forward)
                                : (evaluation ? steps_.evaluation_backward : steps_.backward);
  const auto stream = forward ? (evaluation ? random::ReadStream::evaluation_forward : random::ReadStream::forward)
                              : (evaluation ? random::ReadStream::evaluation_backward : random::ReadStream::backward);
  const bool outer = shape().instances > 1;
  const double work =
      static_cast<double>(shape().instances) * (forward ? forward_ : backward_)[0].nanoseconds(x.samples);
  parallel_for(outer ? threads.for_work(work) : 1, shape().instances, [&](std::size_t k) {
    auto& channel = forward ? forward_[k] : backward_[k];
    const float* seen = weights.empty() ? crosspoints_->visible(k) : weights[k];
    const periphery::MatrixView w{seen, shape().in_features, shape().out_features, shape().stride()};
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

void Array::check_pulse(const Batch& x, const Batch& d, Rates lr, const pulse::UpdateParameters& update) const {
  if (!crosspoints_->pulsed()) return crosspoints_->check_accumulate(x, d, lr);
  check_trains(lr.largest(shape().instances, x.samples), update);
}

void Array::check_trains(double lr, const pulse::UpdateParameters& update) const {
  // A train may be too long.
  if (crosspoints_->pulsed()) (void)pulse::plan_pulses(update, 1.0, 1.0, lr, crosspoints_->granularity());
}

void Array::pulse(const Batch& x, const Batch& d, Rates lr, const pulse::UpdateParameters& update, Threads threads,
                  std::span<const LineSnapshot> snapshots) {
  check_pulse(x, d, lr, update);
  if (!crosspoints_->pulsed()) return accumulate(x, d, lr, threads, snapshots);
  const double granularity = crosspoints_->granularity();
  const double lines_work = nanoseconds_per_line * static_cast<double>(shape().in_features + shape().out_features);
  const auto pulse_chunk = [&](std::size_t k, pulse::Trains& trains, std::size_t first, std::size_t count,
                               Threads chunk_threads, std::span<const LineSnapshot> looks) {
    trains.resize(shape().in_features, shape().out_features, count, update);
    parallel_for(chunk_threads.for_work(static_cast<double>(count) * lines_work), count, [&](std::size_t s) {
      trains.make(s, x.instance(k) + (first + s) * shape().in_features,
                  d.instance(k) + (first + s) * shape().out_features, lr.of(k, first + s), granularity, update,
                  crosspoints_->key(k), steps_.update + s);
    });
    trains.finish();
    std::vector<pulse::Snapshot> lines;
    for (const LineSnapshot& look : looks) {
      lines.push_back({look.line, look.index[k], look.sample - first, look.values + k * line_size(look.line)});
    }
    crosspoints_->pulse(k, {.trains = trains,
                            .noise = crosspoints_->key(k),
                            .first_step = steps_.update,
                            .pulse_by_pulse = update.pulse_by_pulse,
                            .threads = chunk_threads,
                            .snapshots = lines});
  };
  std::size_t done = 0;
  while (done < x.samples) {
    // A chunk ends at 2^31 steps, so that only the lower bits of the step differ within it.
    const std::uint64_t room = (std::uint64_t{1} << 31) - (steps_.update & 0x7FFFFFFFULL);
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>({pulse::chunk_samples, x.samples - done, room}));
    const auto looks = snapshots.first(static_cast<std::size_t>(
        std::ranges::upper_bound(snapshots, done + count - 1, {}, &LineSnapshot::sample) - snapshots.begin()));
    snapshots = snapshots.subspan(looks.size());
    if (shape().instances == 1) {
      pulse_chunk(0, trains_, done, count, threads, looks);
    } else {
      const double devices = nanoseconds_per_sample * static_cast<double>(shape().plane());
      const double work = static_cast<double>(shape().instances) *
                          (nanoseconds_per_instance + static_cast<double>(count) * (lines_work + devices));
      parallel_for(threads.for_work(work), shape().instances, [&](std::size_t k) {
        pulse::Trains trains;
        pulse_chunk(k, trains, done, count, 1, looks);
      });
    }
    done += count;
    steps_.update += count;
  }
}

// Weights that need no pulses: all samples at a time that no snapshot parts.
void Array::accumulate(const Batch& x, const Batch& d, Rates lr, Threads threads,
                       std::span<const LineSnapshot> snapshots) {
  std::size_t done = 0;
  while (done < x.samples) {
    const std::size_t end = snapshots.empty() ? x.samples : snapshots.front().sample + 1;
    if (end > done) crosspoints_->accumulate(x, d, lr, {done, end - done}, threads);
    done = end;
    for (; !snapshots.empty() && snapshots.front().sample < done; snapshots = snapshots.subspan(1)) {
      const LineSnapshot& look = snapshots.front();
      for (std::size_t k = 0; k < shape().instances; ++k) {
        crosspoints_->copy_line(k, look.line, look.index[k], look.values + k * line_size(look.line));
      }
    }
  }
  steps_.update += x.samples;
}

void Array::pulse_by_count(const float* counts, bool per_instance, bool pulse_by_pulse, Threads threads) {
  AlignedVector<float> padded(shape().plane());
  for (std::size_t k = 0; k < shape().instances; ++k) {
    if (k == 0 || per_instance) shape().pad(counts + k * shape().crosspoints(), padded.data());
    crosspoints_->pulse_by_count(k, {.counts = padded.data(),
                                     .noise = crosspoints_->key(k),
                                     .step = steps_.update,
                                     .pulse_by_pulse = pulse_by_pulse,
                                     .threads = threads});
  }
  ++steps_.update;
}

void Array::elapse(double seconds, Threads threads) {
  if (seconds <= 0 || !crosspoints_->ages()) return;
  const auto devices = static_cast<double>(shape().instances * shape().plane());
  crosspoints_->elapse(seconds, steps_.elapse, threads.for_work(nanoseconds_per_device * devices));
  ++steps_.elapse;
}

void Array::reset(const Selection& chosen, Threads threads) {
  const auto devices = static_cast<double>(shape().instances * shape().plane());
  crosspoints_->reset(chosen, steps_.reset, threads.for_work(nanoseconds_per_device * devices));
  ++steps_.reset;
}

std::vector<float> Array::running_averages() const {
  std::vector<float> values;
  for (std::size_t k = 0; k < forward_.size(); ++k) {
    values.push_back(forward_[k].running_average());
    values.push_back(backward_[k].running_average());
  }
  return values;
}

void Array::set_running_averages(const std::vector<float>& values) {
  for (std::size_t k = 0; k < forward_.size(); ++k) {
    forward_[k].set_running_average(values[2 * k]);
    backward_[k].set_running_average(values[2 * k + 1]);
  }
}

std::size_t Array::memory_bytes() const {
  std::size_t bytes = crosspoints_->memory_bytes();
  for (const auto& channel : forward_) bytes += channel.memory_bytes();
  for (const auto& channel : backward_) bytes += channel.memory_bytes();
  return bytes;
}

}  // namespace mho::array
