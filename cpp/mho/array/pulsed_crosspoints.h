// Crosspoints with pulsed devices of one model. The model is a type, so that its step is compiled into the update
// kernel.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "mho/array/crosspoints.h"
#include "mho/parallel.h"
#include "mho/pulse/counted_kernel.h"
#include "mho/pulse/kernel.h"
#include "mho/retention/retention.h"

namespace mho::array {

template <class Model> class PulsedCrosspoints final : public DeviceCrosspoints {
 public:
  PulsedCrosspoints(Parameters& device, const Shape& shape, const std::vector<std::uint64_t>& keys, Threads threads)
      : DeviceCrosspoints(shape, keys), model_(device), elements_(shape.in_features) {
    if (device.has("retention")) retention_.emplace(device.section("retention"));
    pulses_.resize(shape.instances);
    const auto add = [&](const char* name) {
      planes_.push_back({name, RawVector<float>(shape.instances * shape.plane())});
    };
    if (has_visible_weight()) {
      add("persistent_weight");
      add("weight");
    } else {
      add("weight");
    }
    first_parameter_ = planes_.size();
    for (const char* name : device::pulsed_plane_names) add(name);
    for (const char* name : Model::extra_planes) add(name);
    // What only some configurations need.
    const auto add_own = [&](std::size_t& plane, const char* name) {
      plane = planes_.size();
      add(name);
    };
    if (pulsed().reset_dtod > 0) add_own(reset_plane_, "reset_value");
    if (pulsed().endurance) add_own(left_plane_, "pulses_left");
    first_retention_ = planes_.size();
    if (retention_) {
      for (const char* name : retention_->plane_names()) add(name);
    }
    age_plane_ = place("age");
    construct(threads);
  }

  [[nodiscard]] double granularity() const override {
    return model_.pulsed().granularity.value_or(model_.granularity());
  }

  void pulse(std::size_t k, const pulse::Request& request) override {
    pulse::Trains& trains = request.trains;
    const pulse::PulseCount fired = trains.count(request.samples, request.directions);
    pulses_[k].up += fired.up;
    pulses_[k].down += fired.down;
    if (fired.up + fired.down == 0 && request.snapshots.empty()) return;

    const float* planes[parameters];
    put_off_noise(k, {request.noise, request.first_step});
    pulse::KernelTarget target = kernel_target(k, planes);

    const std::uint64_t dense_work = pulses_per_block * trains.active_blocks(request.samples) +
                                     pulses_per_block_and_sample * trains.active_blocks_and_samples(request.samples);
    const bool sparse = trains.slots() && fired.up + fired.down < dense_work;
    sparse ? trains.list_lines() : trains.number_lines();
    const double work = nanoseconds_per_pulse * static_cast<double>(sparse ? fired.up + fired.down : dense_work);
    const std::size_t quads = this->quads();
    parallel_for(request.threads.for_work(work), (quads + quads_per_item - 1) / quads_per_item, [&](std::size_t item) {
      const std::size_t first_quad = item * quads_per_item;
      const std::size_t end = std::min(quads, first_quad + quads_per_item);
      if (sparse) {
        pulse::SparseQuads(model_, request, target, first_quad, end).update();
        return;
      }
      for (std::size_t quad = first_quad; quad < end; ++quad) {
        pulse::DenseQuad(model_, request, target, quad).update();
      }
    });
  }

  void pulse_by_count(std::size_t k, const pulse::CountedRequest& request) override {
    for (std::size_t at = 0; at < shape_.plane(); ++at) {
      const auto n = static_cast<std::uint64_t>(std::fabs(request.counts[at]));
      (request.counts[at] > 0 ? pulses_[k].up : pulses_[k].down) += n;
    }
    show(k);
    const float* planes[parameters];
    pulse::KernelTarget target = kernel_target(k, planes);
    target.undrawn = nullptr;
    parallel_for(request.threads.for_work(nanoseconds_per_device * static_cast<double>(shape_.plane())),
                 shape_.in_features, [&](std::size_t input) { pulse::move_by_count(model_, request, target, input); });
  }

  void expect_reads_of_lines() override {
    if (pulsed().write_noise_std == 0 || !undrawn_.empty()) return;
    undrawn_.assign(shape_.instances * shape_.plane(), 0U);
    undrawn_noise_.resize(shape_.instances);
  }

  std::size_t set_weight(const float* w, bool per_instance) override {
    const std::size_t unreached = DeviceCrosspoints::set_weight(w, per_instance);
    // A state beside the weight begins anew.
    if constexpr (device::HasState<Model>) std::ranges::fill(planes_[state_plane()].values, 0.0F);
    if (intervals() > 0 || age_plane_ != none) {
      each_device({}, [&](std::size_t at) {
        if (moves(at)) programmed(at);
      });
    }
    return unreached;
  }

  [[nodiscard]] std::size_t memory_bytes() const override {
    return DeviceCrosspoints::memory_bytes() + undrawn_.size() * sizeof(undrawn_[0]);
  }

  [[nodiscard]] bool ages() const override { return retention_.has_value(); }

  void elapse(double seconds, std::uint64_t step, Threads threads) override {
    if (!retention_) return;
    show_all();
    const std::size_t quads = this->quads();
    const std::size_t lifetime = place("lifetime");
    const std::size_t diffusion = place("diffusion");
    const std::size_t drift_nu = place("drift_nu");
    parallel_for(threads, shape_.instances * quads, [&](std::size_t item) {
      const std::size_t k = item / quads;
      const retention::Devices devices{
          .elements = elements_,
          .stride = shape_.stride(),
          .weight = planes_[0].values.data() + k * shape_.plane(),
          .visible = has_visible_weight() ? planes_[1].values.data() + k * shape_.plane() : nullptr,
          .w_max = upper_bounds()->values.data() + k * shape_.plane(),
          .w_min = lower_bounds()->values.data() + k * shape_.plane(),
          .reset_value = optional_values(reset_plane_, k),
          .pulses_left = optional_values(left_plane_, k),
          .lifetime = optional_values(lifetime, k),
          .diffusion = optional_values(diffusion, k),
          .drift_nu = optional_values(drift_nu, k),
          .age = optional_values(age_plane_, k),
          .reset = static_cast<float>(pulsed().reset),
          .intervals = intervals(),
          .write_noise = pulsed().write_noise_std > 0};
      retention_->elapse(devices, item % quads, seconds, {keys_[k], random::Purpose::elapse_noise, step});
    });
  }

  void reset(const Selection& chosen, std::uint64_t step, Threads threads) override {
    show_all();
    parallel_for(threads, shape_.instances * shape_.in_features, [&](std::size_t item) {
      const std::size_t k = item / shape_.in_features;
      const std::size_t j = item % shape_.in_features;
      const random::Stream noise(keys_[k], random::Purpose::reset_noise, step);
      for (std::size_t i = 0; i < shape_.out_features; ++i) {
        if (chosen.has(shape_, k, i, j)) reset_device(k, shape_.place(i, j), noise);
      }
    });
  }

  void reset_places(std::size_t k, std::span<const std::size_t> places, random::Key key) override {
    show(k);
    const random::Stream noise(key, random::Purpose::reset_noise, 0);
    for (const std::size_t place : places) reset_device(k, place, noise);
  }

  void stick(const Selection& chosen) override {
    show_all();
    each_device(chosen, [&](std::size_t at) {
      if (!moves(at)) return;
      const float seen = planes_[has_visible_weight() ? 1 : 0].values[at];
      planes_[0].values[at] = seen;
      const float stuck[device::pulsed_planes] = {0.0F, 0.0F, seen, seen};
      for (std::size_t p = 0; p < device::pulsed_planes; ++p) planes_[first_parameter_ + p].values[at] = stuck[p];
    });
  }

 protected:
  [[nodiscard]] const Plane* upper_bounds() const override { return &planes_[first_parameter_ + 2]; }
  [[nodiscard]] const Plane* lower_bounds() const override { return &planes_[first_parameter_ + 3]; }
  [[nodiscard]] const Plane* pulses_left() const override {
    return left_plane_ != none ? &planes_[left_plane_] : nullptr;
  }
  void show(std::size_t k) override {
    if (undrawn_.empty() || !undrawn_noise_[k]) return;
    const float* planes[parameters];
    const pulse::KernelTarget target = kernel_target(k, planes);
    for (std::size_t input = 0; input < shape_.in_features; ++input) {
      for (std::size_t group = 0; group < shape_.stride() / pulse::group_outputs; ++group) {
        const std::size_t at = shape_.place(group * pulse::group_outputs, input);
        undrawn_noise_[k]->line(target, group, input).store(target.visible + at);
      }
    }
    std::fill_n(target.undrawn, shape_.plane(), 0U);
    undrawn_noise_[k].reset();
  }
  [[nodiscard]] bool has_visible_weight() const override { return pulsed().write_noise_std > 0 || pulsed().states > 0; }

 private:
  // No plane: the first is always the weight.
  static constexpr std::size_t none = 0;
  static constexpr std::size_t parameters = device::pulsed_planes + Model::extra_planes.size();
  // Inputs, by fours, that one thread takes at a time.
  static constexpr std::size_t quads_per_item = 4;
  // What the dense kernel takes for a block of 4 x 16 devices, and for each of its samples, in units of what the sparse
  // kernel takes for a pulse; as measured. Whichever is used, the result is the same.
  static constexpr std::size_t pulses_per_block = 12;
  static constexpr std::size_t pulses_per_block_and_sample = 7;
  static constexpr double nanoseconds_per_pulse = 15;
  static constexpr double nanoseconds_per_device = 4;  // drawn, or pulsed by count

  // Pulses are to come whose write noise waits for a read.
  void put_off_noise(std::size_t k, const pulse::UndrawnNoise& noise) {
    if (undrawn_.empty()) return;
    if (undrawn_noise_[k] != noise) show(k);
    undrawn_noise_[k] = noise;
  }

  // What a kernel works on, of one instance.
  pulse::KernelTarget kernel_target(std::size_t k, const float** planes) {
    for (std::size_t p = 0; p < parameters; ++p) {
      planes[p] = planes_[first_parameter_ + p].values.data() + k * shape_.plane();
    }
    return {.elements = elements_,
            .weight = planes_[0].values.data() + k * shape_.plane(),
            .visible = has_visible_weight() ? planes_[1].values.data() + k * shape_.plane() : nullptr,
            .undrawn = undrawn_.empty() ? nullptr : undrawn_.data() + k * shape_.plane(),
            .planes = planes,
            .state = planes_[state_plane()].values.data() + k * shape_.plane(),
            .stride = shape_.stride(),
            .inputs = shape_.padded_inputs(),
            .write_noise = static_cast<float>(pulsed().write_noise_std * pulsed().dw_min),
            .intervals = intervals(),
            .age = optional_values(age_plane_, k),
            .pulses_left = optional_values(left_plane_, k)};
  }

  [[nodiscard]] std::size_t quads() const { return shape_.padded_inputs() / pulse::quad_inputs; }
  // The last plane of the model's own: that of its state, where it has one.
  [[nodiscard]] std::size_t state_plane() const { return first_parameter_ + parameters - 1; }
  [[nodiscard]] const device::PulsedParameters& pulsed() const { return model_.pulsed(); }
  // Between the states that a read can see; 0: it can see any weight.
  [[nodiscard]] float intervals() const {
    return pulsed().states > 0 ? static_cast<float>(pulsed().states) - 1.0F : 0.0F;
  }

  // Where the plane of that name is.
  [[nodiscard]] std::size_t place(const char* name) const {
    const auto found = std::ranges::find(planes_, name, &Plane::name);
    return found == planes_.end() ? none : static_cast<std::size_t>(found - planes_.begin());
  }
  // The values of an instance; null where there is no such plane.
  [[nodiscard]] float* optional_values(std::size_t plane, std::size_t k) {
    return plane != none ? planes_[plane].values.data() + k * shape_.plane() : nullptr;
  }

  // Calls body(place in the planes) for the chosen devices.
  template <class Body> void each_device(const Selection& chosen, Body&& body) const {
    for (std::size_t k = 0; k < shape_.instances; ++k) {
      for (std::size_t j = 0; j < shape_.in_features; ++j) {
        for (std::size_t i = 0; i < shape_.out_features; ++i) {
          if (chosen.has(shape_, k, i, j)) body(k * shape_.plane() + shape_.place(i, j));
        }
      }
    }
  }

  // Whether a device has not used up its pulses.
  [[nodiscard]] bool moves(std::size_t at) const { return left_plane_ == none || planes_[left_plane_].values[at] > 0; }

  // Brings a device back to its reset value.
  void reset_device(std::size_t k, std::size_t place, const random::Stream& noise) {
    const std::size_t at = k * shape_.plane() + place;
    if (!moves(at)) return;
    const std::size_t output = place % shape_.stride();
    const std::uint32_t element = elements_.of(output, place / shape_.stride());
    simd::F1 xi[2];
    random::box_muller(simd::U1(noise.words_of_one(element, 0)[output % 4 / 2]), xi[0], xi[1]);
    const simd::F1 mean(reset_plane_ != none ? planes_[reset_plane_].values[at] : static_cast<float>(pulsed().reset));
    const simd::F1 value = fma(xi[output % 2], simd::F1(static_cast<float>(pulsed().reset_std)), mean);
    const simd::F1 low(lower_bounds()->values[at]);
    planes_[0].values[at] = clamp(value, low, simd::F1(upper_bounds()->values[at])).v;
    programmed(at);
  }

  // A device has a new persistent weight, and not by a pulse: what a read sees of it, and its age.
  void programmed(std::size_t at) {
    if (has_visible_weight()) {
      const simd::F1 w(planes_[0].values[at]);
      const simd::F1 low(lower_bounds()->values[at]);
      const simd::F1 high(upper_bounds()->values[at]);
      planes_[1].values[at] = intervals() > 0 ? device::nearest_state(w, low, high, intervals()).v : w.v;
    }
    if (age_plane_ != none) planes_[age_plane_].values[at] = 0;
    if constexpr (device::HasState<Model>) planes_[state_plane()].values[at] = 0;
  }

  // Draws every device's parameters, and puts its weight at zero, or where it is stuck. Padding gets zeros, so that it
  // can never move.
  void construct(Threads threads) {
    const std::size_t quads = this->quads();
    const auto devices = static_cast<double>(shape_.instances * shape_.plane());
    parallel_for(threads.for_work(nanoseconds_per_device * devices), shape_.instances * quads, [&](std::size_t item) {
      const std::size_t k = item / quads;
      const std::size_t quad = item % quads;
      const random::Stream stream(keys_[k], random::Purpose::device_construction, 0);
      const random::Stream stuck(keys_[k], random::Purpose::stuck_construction, 0);
      for (std::size_t group = 0; group < shape_.stride() / pulse::group_outputs; ++group) {
        const simd::U32 elements = elements_.of_block(group, quad);
        device::PulsedLanes<simd::Wide> lanes[4];
        device::construct_pulsed(model_.pulsed(), stream, elements, lanes);
        device::make_stuck(model_.pulsed(), stuck, elements, lanes);
        simd::F32 extra[Model::extra_planes.size() + 1][4];
        if constexpr (!Model::extra_planes.empty()) model_.construct_extra(stream, elements, lanes, extra);
        simd::F32 reset_value[4];
        simd::F32 pulses_left[4];
        const bool wears = reset_plane_ != none || left_plane_ != none;
        if (wears) device::construct_wear(pulsed(), stream, elements, reset_value, pulses_left);
        simd::F32 retained[retention::Retention::most_planes][4];
        if (retention_) retention_->construct(stream, elements, retained);
        for (std::size_t r = 0; r < 4; ++r) {
          const std::size_t input = quad * pulse::quad_inputs + r;
          const std::size_t output = group * pulse::group_outputs;
          const std::size_t outputs =
              input < shape_.in_features ? std::min(shape_.out_features - output, pulse::group_outputs) : 0;
          const simd::Mask inside = simd::Mask::of((1U << outputs) - 1U);
          const std::size_t at = k * shape_.plane() + shape_.place(output, input);
          const auto put = [&](std::size_t plane, simd::F32 value) {
            simd::select(inside, value, simd::F32(0.0F)).store(planes_[plane].values.data() + at);
          };
          const simd::F32 rest = simd::clamp(simd::F32(0.0F), lanes[r].w_min, lanes[r].w_max);
          for (std::size_t p = 0; p < first_parameter_; ++p) put(p, rest);
          const simd::F32 values[device::pulsed_planes] = {lanes[r].up, lanes[r].down, lanes[r].w_max, lanes[r].w_min};
          for (std::size_t p = 0; p < parameters; ++p) {
            put(first_parameter_ + p, p < device::pulsed_planes ? values[p] : extra[p - device::pulsed_planes][r]);
          }
          if (intervals() > 0) put(1, device::nearest_state(rest, lanes[r].w_min, lanes[r].w_max, intervals()));
          if (reset_plane_ != none) put(reset_plane_, reset_value[r]);
          if (left_plane_ != none) put(left_plane_, pulses_left[r]);
          for (std::size_t p = first_retention_; p < planes_.size(); ++p) put(p, retained[p - first_retention_][r]);
        }
      }
    });
  }

  Model model_;
  random::DeviceElements elements_;
  // Where reads are of lines: the marks of pulses whose noise is undrawn, and of each instance what draws it.
  AlignedVector<std::uint32_t> undrawn_;
  std::vector<std::optional<pulse::UndrawnNoise>> undrawn_noise_;
  std::optional<retention::Retention> retention_;
  std::size_t first_parameter_ = 0;
  std::size_t reset_plane_ = none;
  std::size_t left_plane_ = none;
  std::size_t age_plane_ = none;
  std::size_t first_retention_ = 0;  // the planes from here on are those of retention_
};

}  // namespace mho::array
