// What sits at the crosspoints of an array, of all its instances: devices of one model, or cells made of several.
//
// Crosspoints can be pulsed, programmed and looked at. They know no periphery, and make no pulse trains.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mho/aligned.h"
#include "mho/array/shape.h"
#include "mho/parallel.h"
#include "mho/pulse/counted_request.h"
#include "mho/pulse/request.h"
#include "mho/random/philox.h"

namespace mho::array {

// Vectors for every instance: either the same ones for all, or each instance its own.
struct Batch {
  const float* data;
  std::size_t samples;
  std::size_t features;
  bool per_instance;
  [[nodiscard]] const float* instance(std::size_t k) const {
    return data + (per_instance ? k * samples * features : 0);
  }
};

// Learning rates of a call: one for all samples, or one for each, of each instance.
struct Rates {
  const double* values;
  std::size_t samples = 0;  // 0: one rate for all
  [[nodiscard]] double of(std::size_t instance, std::size_t sample) const {
    return samples == 0 ? *values : values[instance * samples + sample];
  }
  // Of the first samples of all instances.
  [[nodiscard]] double largest(std::size_t instances, std::size_t count) const {
    double result = 0;
    for (std::size_t k = 0; k < (samples == 0 ? 1 : instances); ++k) {
      for (std::size_t s = 0; s < (samples == 0 ? 1 : count); ++s) result = std::max(result, of(k, s));
    }
    return result;
  }
};

// Some samples of a call.
struct Samples {
  std::size_t first;
  std::size_t count;
};

// Some of the crosspoints: a byte for each, not zero where it is meant; (instances x) out x in, contiguous. All of them
// where there are no data.
struct Selection {
  const std::uint8_t* data = nullptr;
  bool per_instance = false;
  [[nodiscard]] bool has(const Shape& shape, std::size_t k, std::size_t i, std::size_t j) const {
    return data == nullptr || data[((per_instance ? k * shape.out_features : 0) + i) * shape.in_features + j] != 0;
  }
};

// One float for each device of each instance, in the padded layout of the kernels.
struct Plane {
  std::string name;
  RawVector<float> values;
};

// A number for each instance that goes with the planes: what was counted.
struct Counter {
  std::string name;
  std::vector<std::uint64_t> values;
};

class Crosspoints {
 public:
  // One key for each instance.
  Crosspoints(const Shape& shape, const std::vector<std::uint64_t>& keys);
  virtual ~Crosspoints() = default;
  Crosspoints(const Crosspoints&) = delete;
  Crosspoints& operator=(const Crosspoints&) = delete;

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] random::Key key(std::size_t instance) const { return keys_[instance]; }

  // Mean weight change of one pulse; 0 for devices without pulses, which `accumulate` instead.
  [[nodiscard]] virtual double granularity() const = 0;
  [[nodiscard]] bool pulsed() const { return granularity() > 0; }

  // Applies trains to the devices of one instance. Different instances may be pulsed concurrently.
  virtual void pulse(std::size_t instance, const pulse::Request& request) = 0;
  // Adds -lr d^T x of some samples, one after the other, to weights that need no pulses.
  virtual void accumulate(const Batch& x, const Batch& d, Rates lr, Samples samples, Threads threads);
  // Throws unless all samples of a call can be accumulated.
  virtual void check_accumulate(const Batch& x, const Batch& d, Rates lr) const;
  // Gives each device of one instance a number of pulses of its own: how a controller writes what it has looked up.
  virtual void pulse_by_count(std::size_t instance, const pulse::CountedRequest& request);
  // Puts some devices of one instance, named by their places in the padded layout, back to where they were built.
  virtual void put_to_rest(std::size_t instance, std::span<const std::size_t> places);

  // Told that reads will want single lines, as snapshots have them, rather than all: what they see is then worked out
  // when they do. It changes no number.
  virtual void expect_reads_of_lines() {}

  // What a read of an instance sees, in the padded layout.
  [[nodiscard]] virtual const float* visible(std::size_t instance) = 0;

  // One line of it, with its padding.
  void copy_line(std::size_t instance, pulse::Snapshot::Line line, std::size_t index, float* target);

  // Sets what can be set: each device stops at its own bounds. Returns how many crosspoints did not reach their target.
  // w is (instances x) out x in, contiguous.
  virtual std::size_t set_weight(const float* w, bool per_instance) = 0;

  // The parts of a cell, and parts of parts, by names that their arrays begin with; a device has none. `set_part` does
  // for one of them what `set_weight` does for all.
  [[nodiscard]] virtual std::vector<std::string> part_names() const { return {}; }
  virtual std::size_t set_part(const std::string& part, const float* w, bool per_instance);
  // Whether time changes anything.
  [[nodiscard]] virtual bool ages() const = 0;
  // Lets time pass: decay, drift, diffusion. The random numbers are those of `step`.
  virtual void elapse(double seconds, std::uint64_t step, Threads threads) = 0;
  // Brings devices back to their reset value, with its spread.
  virtual void reset(const Selection& chosen, std::uint64_t step, Threads threads) = 0;
  // The same for some devices of one instance, named by their places in the padded layout; their spread is that of a
  // key.
  virtual void reset_places(std::size_t instance, std::span<const std::size_t> places, random::Key noise);
  // Makes devices stuck at the weight that a read sees now, for good.
  virtual void stick(const Selection& chosen) = 0;

  // What can be looked at by name, the visible weight among them; values are (instances x out x in), without padding.
  [[nodiscard]] virtual std::vector<std::string> plane_names() const = 0;
  virtual void copy_plane(const std::string& name, float* target) = 0;
  [[nodiscard]] bool has_plane(const std::string& name) const;

  // The planes that are the state: the others follow from them.
  [[nodiscard]] virtual std::vector<std::string> state_names() const { return plane_names(); }
  // Throws unless these can be the state; values[i] belongs to state_names()[i].
  virtual void check_state(const std::vector<const float*>& values) const = 0;
  // Replaces the whole state by one that was checked.
  virtual void load_state(const std::vector<const float*>& values) = 0;

  [[nodiscard]] virtual std::vector<Counter> counters() const = 0;
  // As many, in the same order and of the same sizes as `counters` gives.
  virtual void set_counters(const std::vector<Counter>& counters) = 0;

  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;

 protected:
  // Copies between the padded layout and (instances x) out x in without padding.
  void unpad(const float* padded, float* target) const;
  void pad(const float* values, float* padded) const;

  Shape shape_;
  std::vector<random::Key> keys_;
};

// Devices of one kind: planes that are all state, the weight among them.
class DeviceCrosspoints : public Crosspoints {
 public:
  using Crosspoints::Crosspoints;

  [[nodiscard]] const float* visible(std::size_t instance) final;
  [[nodiscard]] bool ages() const override { return false; }
  void elapse(double, std::uint64_t, Threads) override {}
  std::size_t set_weight(const float* w, bool per_instance) override;
  [[nodiscard]] std::vector<std::string> plane_names() const final;
  void copy_plane(const std::string& name, float* target) final;
  void put_to_rest(std::size_t instance, std::span<const std::size_t> places) override;
  void check_state(const std::vector<const float*>& values) const final;
  void load_state(const std::vector<const float*>& values) final;
  [[nodiscard]] std::vector<Counter> counters() const override;
  void set_counters(const std::vector<Counter>& counters) override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 protected:
  // Bounds of a device, where it has some; null otherwise.
  [[nodiscard]] virtual const Plane* lower_bounds() const { return nullptr; }
  [[nodiscard]] virtual const Plane* upper_bounds() const { return nullptr; }
  // Pulses that a device still lasts, where they are counted; null otherwise. Without any left it is stuck.
  [[nodiscard]] virtual const Plane* pulses_left() const { return nullptr; }
  // Works out what a read of an instance sees, where that was put off.
  virtual void show(std::size_t /*instance*/) {}
  void show_all();
  // Whether a read sees something else than the persistent weight that pulses move.
  [[nodiscard]] virtual bool has_visible_weight() const { return false; }

  // The persistent weight is the first plane. Where what is seen differs from it, that is the second.
  std::vector<Plane> planes_;
  std::vector<pulse::PulseCount> pulses_;
};

}  // namespace mho::array
