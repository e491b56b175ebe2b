// One physical crossbar, or several alike in lockstep (instances): the state of its devices, its periphery and
// counters.
//
// An array can be read in both directions, pulsed and programmed. It knows no update rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mho/aligned.h"
#include "mho/periphery/read_channel.h"
#include "mho/pulse/trains.h"
#include "mho/pulse/update_parameters.h"

namespace mho::array {

struct Shape {
  std::size_t out_features;
  std::size_t in_features;
  std::size_t instances;

  // Rows are padded to the four, columns to the sixteen that a kernel takes at a time. Padding never moves.
  [[nodiscard]] std::size_t rows() const { return (out_features + 3) / 4 * 4; }
  [[nodiscard]] std::size_t stride() const { return (in_features + 15) / 16 * 16; }
  [[nodiscard]] std::size_t plane() const { return rows() * stride(); }
};

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

// One float for each device of each instance, in the padded layout of the kernels.
struct Plane {
  std::string name;
  RawVector<float> values;
};

// When the next random numbers are drawn. Part of the state: a loaded array goes on where the saved one stopped.
struct Steps {
  std::uint64_t update = 0;
  std::uint64_t forward = 0;
  std::uint64_t backward = 0;
  std::uint64_t evaluation_forward = 0;
  std::uint64_t evaluation_backward = 0;
};

class Array {
 public:
  Array(const Shape& shape, const std::vector<std::uint64_t>& keys, const periphery::IoParameters& forward_io,
        const periphery::IoParameters& backward_io);
  virtual ~Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  [[nodiscard]] const Shape& shape() const { return shape_; }

  // y (instances x samples x outputs) through the periphery of that direction.
  void read(periphery::Direction direction, const Batch& x, float* y, bool noise, bool evaluation, int threads);

  // Moves the weights by -lr d^T x in expectation, sample by sample.
  virtual void pulse(const Batch& x, const Batch& d, double lr, const pulse::UpdateParameters& update, int threads) = 0;

  // Sets what can be set: each device stops at its own bounds. Returns how many did not reach their target.
  // w is (instances x) out x in, contiguous.
  std::size_t set_weight(const float* w, bool per_instance);

  // The names of what a device has, the visible weight first; values are (instances x out x in), without padding.
  [[nodiscard]] std::vector<std::string> plane_names() const;
  [[nodiscard]] bool has_plane(const std::string& name) const;
  void copy_plane(const std::string& name, float* target) const;

  // Replaces the whole state of the devices, after checking all of it. values[i] belongs to plane_names()[i].
  void load_planes(const std::vector<const float*>& values);

  [[nodiscard]] const Steps& steps() const { return steps_; }
  void set_steps(const Steps& steps) { steps_ = steps; }
  [[nodiscard]] const std::vector<pulse::PulseCount>& pulses() const { return pulses_; }
  void set_pulses(std::vector<pulse::PulseCount> pulses) { pulses_ = std::move(pulses); }
  // Running averages of noise management: forward and backward of each instance.
  [[nodiscard]] std::vector<float> running_averages() const;
  void set_running_averages(const std::vector<float>& values);

  // Mean weight change of one pulse, 0 for a device without pulses.
  [[nodiscard]] virtual double granularity() const = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() const;

 protected:
  [[nodiscard]] const Plane& plane(const std::string& name) const;
  [[nodiscard]] const float* visible(std::size_t instance) const;

  // Bounds of a device, where it has some; null otherwise.
  [[nodiscard]] virtual const Plane* lower_bounds() const { return nullptr; }
  [[nodiscard]] virtual const Plane* upper_bounds() const { return nullptr; }
  [[nodiscard]] virtual bool has_write_noise() const { return false; }

  Shape shape_;
  std::vector<random::Key> keys_;
  // The persistent weight is the first plane. With write noise what is seen differs from it and is the second.
  std::vector<Plane> planes_;
  Steps steps_;
  std::vector<pulse::PulseCount> pulses_;

 private:
  std::vector<periphery::ReadChannel> forward_;
  std::vector<periphery::ReadChannel> backward_;
};

// Work below this many device updates stays on one thread.
inline constexpr double parallel_updates = 1e5;

}  // namespace mho::array
