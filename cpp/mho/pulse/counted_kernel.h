// The kernel for pulses whose numbers are told device by device. They are rare beside those of trains, so that one
// plain loop serves: each device takes its pulses in turn, as many at a time as its model allows.
#pragma once

#include "mho/pulse/counted_request.h"
#include "mho/pulse/kernel.h"

namespace mho::pulse {

// The devices of one input. The noise is that of a sample with the request's step.
template <class Model>
void move_by_count(const Model& model, const CountedRequest& request, const KernelTarget& target, std::size_t input) {
  using V = simd::Wide;
  const FirstNoise first(request.noise, request.step);
  const random::PulseStream write(request.noise, random::Purpose::write_noise, request.step);
  const U32 output = simd::lane_index();  // within a group
  for (std::size_t group = 0; group < target.stride / group_outputs; ++group) {
    const U32 elements = target.elements.of_line(group, input);
    const std::size_t at = input * target.stride + group * group_outputs;
    const F32 count = F32::load(request.counts + at);
    U32 n = simd::round_to_int(simd::abs(count));
    if (target.pulses_left != nullptr) {
      const U32 left = simd::round_to_int(F32::load(target.pulses_left + at));
      n = simd::select(simd::greater(n, left), left, n);
      simd::to_float(left - n).store(target.pulses_left + at);
    }
    const Mask touched = simd::nonzero(n);
    if (!simd::any(touched)) continue;
    auto lanes = model.load(device::Neighbours{target.planes, at});
    const F32 w = F32::load(target.weight + at);
    const F32 xi = random::table_gaussian(first.stream.words(elements, 0), 4 * first.half, output);
    LaterNoise<V> later(request.noise, request.step, elements, output);
    const F32 moved = pulse_in_turn<V>(model, lanes, most_at_once<V>(model, lanes, request.pulse_by_pulse), w, n,
                                       count > F32(0.0F), xi, later);
    simd::select(touched, moved, w).store(target.weight + at);
    if constexpr (device::HasState<Model>) model.state(lanes).store(target.state + at);
    if (target.age != nullptr) {
      simd::select(touched, F32(0.0F), F32::load(target.age + at)).store(target.age + at);
    }
    if (target.visible == nullptr) continue;
    const F32 noise = random::table_gaussian(write.words(elements, 0), 0, output);
    const F32 now = seen(target, lanes, moved, noise);
    simd::select(touched, now, F32::load(target.visible + at)).store(target.visible + at);
  }
}

}  // namespace mho::pulse
