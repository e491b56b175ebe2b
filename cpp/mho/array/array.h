// One physical crossbar, or several alike in lockstep (instances): its crosspoints, its periphery and counters.
//
// An array can be read in both directions, pulsed and programmed. It knows no update rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mho/array/crosspoints.h"
#include "mho/parameters.h"
#include "mho/periphery/read_channel.h"
#include "mho/pulse/trains.h"
#include "mho/pulse/update_parameters.h"

namespace mho::array {

// When the next random numbers are drawn. Part of the state: a loaded array goes on where the saved one stopped.
struct Steps {
  std::uint64_t update = 0;
  std::uint64_t forward = 0;
  std::uint64_t backward = 0;
  std::uint64_t evaluation_forward = 0;
  std::uint64_t evaluation_backward = 0;
  std::uint64_t elapse = 0;
  std::uint64_t reset = 0;
};

// A line of devices that is looked at between two samples of a call.
struct LineSnapshot {
  pulse::Snapshot::Line line;
  const std::size_t* index;  // of each instance
  std::size_t sample;        // of the call: it is taken after this one
  float* values;             // instances times `line_size`
};

class Array {
 public:
  Array(std::unique_ptr<Crosspoints> crosspoints, const periphery::IoParameters& forward_io,
        const periphery::IoParameters& backward_io);
  // Without a periphery: an array that is pulsed and looked at, and never read.
  explicit Array(std::unique_ptr<Crosspoints> crosspoints);

  [[nodiscard]] const Shape& shape() const { return crosspoints_->shape(); }
  [[nodiscard]] Crosspoints& crosspoints() { return *crosspoints_; }
  [[nodiscard]] const Crosspoints& crosspoints() const { return *crosspoints_; }

  // y (instances x samples x outputs) through the periphery of that direction. `weights`: what is read of each instance
  // where that is more than this array's own, as where several arrays share their lines; empty otherwise.
  void read(periphery::Direction direction, const Batch& x, float* y, bool noise, bool evaluation, Threads threads,
            std::span<const float* const> weights = {});

  // Throws unless `pulse` can take this: what it checks before it changes anything.
  void check_pulse(const Batch& x, const Batch& d, Rates lr, const pulse::UpdateParameters& update) const;
  // The same for trains alone, whatever they are made of.
  void check_trains(double lr, const pulse::UpdateParameters& update) const;
  // Moves the weights by -lr d^T x in expectation, sample by sample. Snapshots, in the order of their samples, are what
  // a read without periphery sees on the way.
  void pulse(const Batch& x, const Batch& d, Rates lr, const pulse::UpdateParameters& update, Threads threads,
             std::span<const LineSnapshot> snapshots = {});
  void pulse(const Batch& x, const Batch& d, double lr, const pulse::UpdateParameters& update, Threads threads) {
    pulse(x, d, Rates{&lr}, update, threads);
  }
  // Gives each device a number of pulses of its own, negative ones for pulses down: (instances x) out x in whole
  // numbers, at most so large. This is a step, as a sample is.
  static constexpr float most_pulses_by_count = 16777216;
  void pulse_by_count(const float* counts, bool per_instance, bool pulse_by_pulse, Threads threads);
  // Room that a snapshot needs for each instance.
  [[nodiscard]] std::size_t line_size(pulse::Snapshot::Line line) const {
    return line == pulse::Snapshot::Line::column ? shape().stride() : shape().padded_inputs();
  }

  // Lets time pass for the devices. Where time changes nothing, or none passes, this is no step.
  void elapse(double seconds, Threads threads);
  // Brings devices back to their reset value.
  void reset(const Selection& chosen, Threads threads);

  [[nodiscard]] const Steps& steps() const { return steps_; }
  void set_steps(const Steps& steps) { steps_ = steps; }
  // Running averages of noise management: forward and backward of each instance.
  [[nodiscard]] std::vector<float> running_averages() const;
  void set_running_averages(const std::vector<float>& values);

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  void accumulate(const Batch& x, const Batch& d, Rates lr, Threads threads, std::span<const LineSnapshot> snapshots);

  std::unique_ptr<Crosspoints> crosspoints_;
  Steps steps_;
  std::vector<periphery::ReadChannel> forward_;
  std::vector<periphery::ReadChannel> backward_;
  pulse::Trains trains_;  // of a single instance: kept, since making room takes time
};

}  // namespace mho::array
