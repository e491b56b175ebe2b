#include "mho/cell/one_sided_cell.h"

#include <algorithm>
#include <bit>

#include "mho/error.h"
#include "mho/parallel.h"
#include "mho/random/device_draws.h"
#include "mho/random/key.h"

namespace mho::cell {

namespace {

using simd::F32;

// More pulses at once than any device needs, and still whole numbers as floats.
constexpr float most_pulses = 0x1p22F;

// What finding the pulses of a device takes, roughly.
constexpr double nanoseconds_per_device = 2;

}  // namespace

OneSidedCell::OneSidedCell(Parameters& parameters, const array::Shape& shape, const std::vector<std::uint64_t>& keys,
                           Threads threads)
    : CellCrosspoints(shape, keys), gamma_(parameters.number("gamma", 1e-12, 1e12)), refreshed_(count("refreshed")) {
  const std::vector<double> steps = parameters.numbers("steps");
  if (steps.size() != 2 || !(steps[0] > 0) || !(steps[1] > 0)) {
    fail_value(parameters.section() + ".steps must be two numbers > 0");
  }
  happens_every(static_cast<std::uint64_t>(parameters.number("refresh_every", 0, 1e15)));
  const double upper = parameters.number("refresh_upper", 0, 1);
  const double lower = parameters.number("refresh_lower", 0, 1);
  for (std::size_t p = 0; p < 2; ++p) {
    const bool second = p == 1 && parameters.has("second_device");
    Parameters device = parameters.section(second ? "second_device" : "device");
    const double w_max = device.number("w_max");  // which a cell does not have, and cannot be half of a pair
    add(device, p == 0 ? "positive" : "negative", p == 0 ? gamma_ : -gamma_, threads);
    step_[p] = steps[p];
    upper_[p] = static_cast<float>(upper * w_max);
    lower_[p] = static_cast<float>(lower * w_max);
  }
}

void OneSidedCell::pulse_parts(std::size_t instance, const pulse::Request& request) {
  using enum pulse::Directions;
  const bool swapped = directed(request.directions, false) == reversed;
  for (std::size_t p = 0; p < 2; ++p) {
    pulse::Request own = request_of(p, request);
    own.directions = (p == 0) != swapped ? up_only : down_as_up;
    part(p).pulse(instance, own);
  }
}

void OneSidedCell::distribute(const Target& target) {
  for (std::size_t p = 0; p < 2; ++p) {
    Target own(target.size());
    const auto factor = static_cast<float>(1 / gamma(p, 0));
    for (std::size_t i = 0; i < own.size(); ++i) own[i] = std::max(factor * target[i], 0.0F);
    (void)part(p).set_weight(own.data(), true);
  }
}

void OneSidedCell::happen(std::size_t instance, std::uint64_t event, const pulse::Request& request) {
  const float* positive = part(0).visible(instance);
  const float* negative = part(1).visible(instance);
  std::vector<std::size_t> places;
  const F32 upper[2] = {F32(upper_[0]), F32(upper_[1])};
  const F32 lower[2] = {F32(lower_[0]), F32(lower_[1])};
  for (std::size_t at = 0; at < shape_.plane(); at += 16) {  // padding is 0, and never saturates
    const F32 p = F32::load(positive + at);
    const F32 n = F32::load(negative + at);
    const auto first_is_larger = p > n;
    const auto saturating = (first_is_larger & (p > upper[0]) & (n > lower[1])) |
                            simd::andnot(first_is_larger, (n > upper[1]) & (p > lower[0]));
    for (std::uint32_t left = saturating.bits(); left != 0; left &= left - 1) {
      places.push_back(at + static_cast<std::size_t>(std::countr_zero(left)));
    }
  }
  if (places.empty()) return;
  refreshed_[instance] += places.size();
  AlignedVector<float> change(shape_.plane());
  for (const std::size_t at : places) change[at] = static_cast<float>(gamma_) * (positive[at] - negative[at]);
  const std::uint64_t key = event_key(instance, "refresh", event);
  for (std::size_t p = 0; p < 2; ++p) {
    part(p).reset_places(instance, places, random::Key::from(random::derive_key(key, p == 0 ? "reset+" : "reset-")));
  }
  write(instance, change.data(), key, request.pulse_by_pulse, request.threads);
}

void OneSidedCell::write(std::size_t instance, const float* change, std::uint64_t key, bool pulse_by_pulse,
                         Threads threads) {
  const random::Stream stream(random::Key::from(key), random::Purpose::cell_rounding, 0);
  AlignedVector<float> counts[2] = {AlignedVector<float>(shape_.plane()), AlignedVector<float>(shape_.plane())};
  const F32 per_pulse[2] = {F32(static_cast<float>(gamma_ * step_[0])), F32(static_cast<float>(gamma_ * step_[1]))};
  const random::DeviceElements elements(shape_.in_features);
  const double work = nanoseconds_per_device * static_cast<double>(shape_.plane());
  parallel_for(threads.for_work(work), shape_.in_features, [&](std::size_t input) {
    for (std::size_t group = 0; group < shape_.stride() / random::block_outputs; ++group) {
      const std::size_t at = shape_.place(group * random::block_outputs, input);
      const F32 wanted = F32::load(change + at);
      if (!simd::any((wanted > F32(0.0F)) | (wanted < F32(0.0F)))) continue;
      const auto words = stream.words(elements.of_line(group, input), 0);
      const F32 u = random::open_uniform(random::word_of(words, simd::lane_index())) - F32(0.5F);
      for (std::size_t p = 0; p < 2; ++p) {
        const F32 own = simd::max(p == 0 ? wanted : F32(0.0F) - wanted, F32(0.0F));
        const F32 number = simd::min(own / per_pulse[p], F32(most_pulses));
        simd::max(simd::rint(number + u), F32(0.0F)).store(counts[p].data() + at);
      }
    }
  });
  for (std::size_t p = 0; p < 2; ++p) {
    const std::uint64_t noise = random::derive_key(key, p == 0 ? "positive" : "negative");
    part(p).pulse_by_count(instance, {.counts = counts[p].data(),
                                      .noise = random::Key::from(noise),
                                      .step = 0,
                                      .pulse_by_pulse = pulse_by_pulse,
                                      .threads = threads});
  }
  touch(instance);
}

}  // namespace mho::cell
