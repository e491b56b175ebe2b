// Cells: crosspoints that are made of several devices, or of cells. What a read sees is a weighted sum of what its own
// reads of the parts would see.
//
// The parts have names, and keys that follow from the cell's key and their name. They meet the same pulse trains, made
// with the cell's key and for the cell's granularity, with noise of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mho/array/crosspoints.h"
#include "mho/parameters.h"

namespace mho::cell {

class CellCrosspoints : public array::Crosspoints {
 public:
  CellCrosspoints(const array::Shape& shape, const std::vector<std::uint64_t>& keys);

  void pulse(std::size_t instance, const pulse::Request& request) final;
  [[nodiscard]] const float* visible(std::size_t instance) final;

  std::size_t set_weight(const float* w, bool per_instance) final;
  [[nodiscard]] std::vector<std::string> part_names() const final;
  std::size_t set_part(const std::string& part, const float* w, bool per_instance) final;

  // Time, resets and sticking concern every part.
  [[nodiscard]] bool ages() const final;
  void elapse(double seconds, std::uint64_t step, Threads threads) final;
  void reset(const array::Selection& chosen, std::uint64_t step, Threads threads) final;
  void stick(const array::Selection& chosen) final;

  // "weight" is what the cell shows; the arrays of a part follow its name and a slash.
  [[nodiscard]] std::vector<std::string> plane_names() const final;
  void copy_plane(const std::string& name, float* target) final;
  [[nodiscard]] std::vector<std::string> state_names() const final;
  void check_state(const std::vector<const float*>& values) const final;
  void load_state(const std::vector<const float*>& values) final;
  [[nodiscard]] std::vector<array::Counter> counters() const final;
  void set_counters(const std::vector<array::Counter>& counters) final;
  [[nodiscard]] std::size_t memory_bytes() const final;

 protected:
  // Adds a part, of pulsed devices, that enters the weight with this factor.
  array::Crosspoints& add(Parameters& section, std::string name, double gamma, Threads threads);
  [[nodiscard]] std::size_t parts() const { return parts_.size(); }
  [[nodiscard]] array::Crosspoints& part(std::size_t p) { return *parts_[p].crosspoints; }
  [[nodiscard]] virtual float gamma(std::size_t p, std::size_t instance) const;

  // Programs a part to mean + deviation * xi, drawn once.
  void program(std::size_t p, double mean, double deviation);
  // Brings the weight to the target by one part alone, as far as that part can, where it is not there but for rounding.
  // A target has a value for each device of each instance, without padding.
  using Target = std::vector<float>;
  void correct(std::size_t p, const Target& target);

  // Gives the parts what they are to have of a request.
  virtual void pulse_parts(std::size_t instance, const pulse::Request& request) = 0;
  // The request with the noise of a part.
  [[nodiscard]] pulse::Request request_of(std::size_t p, const pulse::Request& request) const;
  // Divides a weight among the parts, as far as they can hold it.
  virtual void distribute(const Target& target) = 0;

  // What the cell does by itself when `every` more samples have gone by, so that the steps of its array are a multiple
  // of it: event number n is at step n * every. 0: nothing.
  void happens_every(std::uint64_t samples) { every_ = samples; }
  virtual void happen(std::size_t instance, std::uint64_t event, const pulse::Request& request);
  // The key of what is drawn in an event.
  [[nodiscard]] std::uint64_t event_key(std::size_t instance, std::string_view what, std::uint64_t event) const;

  // Notes that the weight of an instance is no longer the sum.
  void touch(std::size_t instance) { dirty_[instance] = 1; }

  // What the cell counts by itself, one number for each instance.
  std::vector<std::uint64_t>& count(std::string name);

 private:
  struct Part {
    std::string name;
    std::unique_ptr<array::Crosspoints> crosspoints;
    float gamma;
  };
  // The part that a name begins with, and the rest of the name.
  std::pair<Part*, std::string> find(const std::string& name);
  // What parts, one perhaps left out, contribute to the weight of all instances.
  struct Look {
    Target sum;
    Target magnitude;  // of the terms
  };
  static constexpr std::size_t none = ~std::size_t{0};
  Look look(std::size_t left_out = none);
  [[nodiscard]] std::vector<std::vector<const float*>> of_parts(const std::vector<const float*>& values) const;
  void touch_all() { dirty_.assign(shape_.instances, 1); }

  std::vector<Part> parts_;
  std::vector<std::unique_ptr<array::Counter>> counted_;
  std::uint64_t every_ = 0;
  RawVector<float> weight_;
  std::vector<char> dirty_;  // instances whose weight is no longer the sum
};

// The same direction, or the opposite one, for a part that is subtracted.
[[nodiscard]] pulse::Directions directed(pulse::Directions directions, bool subtracted);

// Some of a batch's samples, as bits: those from `first` up to, but without, `end`.
[[nodiscard]] constexpr std::uint64_t samples_between(std::size_t first, std::size_t end) {
  const auto below = [](std::size_t n) { return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1; };
  return below(end) & ~below(first);
}

}  // namespace mho::cell
