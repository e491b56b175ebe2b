// Crosspoints with pulsed devices of one model. The model is a type, so that its step is compiled into the update
// kernel.
#pragma once

#include <algorithm>

#include "mho/array/crosspoints.h"
#include "mho/parallel.h"
#include "mho/pulse/kernel.h"

namespace mho::array {

template <class Model> class PulsedCrosspoints final : public DeviceCrosspoints {
 public:
  PulsedCrosspoints(Parameters& device, const Shape& shape, const std::vector<std::uint64_t>& keys, int threads)
      : DeviceCrosspoints(shape, keys), model_(device) {
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

    const float* planes[parameters];
    for (std::size_t p = 0; p < parameters; ++p) {
      planes[p] = planes_[first_parameter_ + p].values.data() + k * shape_.plane();
    }
    const pulse::KernelTarget target{
        .weight = planes_[0].values.data() + k * shape_.plane(),
        .visible = has_visible_weight() ? planes_[1].values.data() + k * shape_.plane() : nullptr,
        .planes = planes,
        .state = planes_.back().values.data() + k * shape_.plane(),
        .stride = shape_.stride(),
        .rows = shape_.rows(),
        .fetch_ahead = fired.up + fired.down > shape_.plane() / 8,
        .write_noise = static_cast<float>(model_.pulsed().write_noise_std * model_.pulsed().dw_min)};

    const bool sparse =
        trains.slots() && fired.up + fired.down < pulses_per_block * trains.active_blocks() +
                                                      pulses_per_block_and_sample * trains.active_blocks_and_samples();
    if (sparse) trains.list_lines();
    const std::size_t quads = shape_.rows() / pulse::rows_per_quad;
    parallel_for(request.threads, (quads + quads_per_item - 1) / quads_per_item, [&](std::size_t item) {
      const std::size_t first_quad = item * quads_per_item;
      const std::size_t end = std::min(quads, first_quad + quads_per_item);
      for (std::size_t quad = first_quad; quad < end; ++quad) {
        if (sparse) {
          pulse::SparseQuad(model_, request, target, quad).update();
        } else {
          pulse::DenseQuad(model_, request, target, quad).update();
        }
      }
    });
  }

  // A state beside the weight begins anew.
  std::size_t set_weight(const float* w, bool per_instance) override {
    if constexpr (device::HasState<Model>) std::ranges::fill(planes_.back().values, 0.0F);
    return DeviceCrosspoints::set_weight(w, per_instance);
  }

 protected:
  [[nodiscard]] const Plane* upper_bounds() const override { return &planes_[first_parameter_ + 2]; }
  [[nodiscard]] const Plane* lower_bounds() const override { return &planes_[first_parameter_ + 3]; }
  [[nodiscard]] bool has_visible_weight() const override { return model_.pulsed().write_noise_std > 0; }

 private:
  static constexpr std::size_t parameters = device::pulsed_planes + Model::extra_planes.size();
  // Rows of four that one thread takes at a time.
  static constexpr std::size_t quads_per_item = 4;
  // What the dense kernel takes for a block of 4 x 16 devices, and for each of its samples, in units of what the sparse
  // kernel takes for a pulse; as measured. Whichever is used, the result is the same.
  static constexpr std::size_t pulses_per_block = 30;
  static constexpr std::size_t pulses_per_block_and_sample = 12;

  // Draws every device's parameters, and puts its weight at zero, or where it is stuck. Padding gets zeros, so that it
  // can never move.
  void construct(int threads) {
    const std::size_t quads = shape_.rows() / pulse::rows_per_quad;
    parallel_for(threads, shape_.instances * quads, [&](std::size_t item) {
      const std::size_t k = item / quads;
      const std::size_t quad = item % quads;
      const random::Stream stream(keys_[k], random::Purpose::device_construction, 0);
      const random::Stream stuck(keys_[k], random::Purpose::stuck_construction, 0);
      for (std::size_t j = 0; j < shape_.stride(); j += pulse::columns_per_group) {
        const auto element = static_cast<std::uint32_t>(quad * shape_.stride() + j);
        device::PulsedLanes<simd::Wide> lanes[4];
        device::construct_pulsed(model_.pulsed(), stream, element, lanes);
        device::make_stuck(model_.pulsed(), stuck, element, lanes);
        simd::F32 extra[Model::extra_planes.size() + 1][4];
        if constexpr (!Model::extra_planes.empty()) model_.construct_extra(stream, element, lanes, extra);
        for (std::size_t r = 0; r < 4; ++r) {
          const std::size_t row = quad * 4 + r;
          const std::size_t columns = row < shape_.out_features ? std::min(shape_.in_features - j, std::size_t{16}) : 0;
          const simd::Mask inside = simd::Mask::of((1U << columns) - 1U);
          const std::size_t at = k * shape_.plane() + row * shape_.stride() + j;
          const auto put = [&](std::size_t plane, simd::F32 value) {
            simd::select(inside, value, simd::F32(0.0F)).store(planes_[plane].values.data() + at);
          };
          const simd::F32 rest = simd::clamp(simd::F32(0.0F), lanes[r].w_min, lanes[r].w_max);
          for (std::size_t p = 0; p < first_parameter_; ++p) put(p, rest);
          const simd::F32 values[device::pulsed_planes] = {lanes[r].up, lanes[r].down, lanes[r].w_max, lanes[r].w_min};
          for (std::size_t p = 0; p < parameters; ++p) {
            put(first_parameter_ + p, p < device::pulsed_planes ? values[p] : extra[p - device::pulsed_planes][r]);
          }
        }
      }
    });
  }

  Model model_;
  std::size_t first_parameter_ = 0;
};

}  // namespace mho::array
