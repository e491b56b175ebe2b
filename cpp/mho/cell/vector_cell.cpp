#include "mho/cell/vector_cell.h"

#include <cmath>

#include "mho/error.h"
#include "mho/random/stream.h"

namespace mho::cell {

VectorCell::VectorCell(Parameters& parameters, const array::Shape& shape, const std::vector<std::uint64_t>& keys,
                       Threads threads)
    : CellCrosspoints(shape, keys),
      policy_(parameters.choice<Policy>("policy", {{"all", Policy::all},
                                                   {"fixed", Policy::fixed},
                                                   {"sequential", Policy::sequential},
                                                   {"random", Policy::random}})) {
  std::vector<Parameters>& devices = parameters.sections("devices");
  const auto n = static_cast<double>(devices.size());
  const std::vector<double> gammas = parameters.numbers("gamma");
  if (gammas.size() != devices.size()) {
    fail_value(parameters.section() + ".gamma must have one number for each of the devices, got " +
               std::to_string(gammas.size()));
  }
  index_ = static_cast<std::size_t>(parameters.number("index", 0, n - 1));
  for (std::size_t p = 0; p < devices.size(); ++p) {
    const double own = add(devices[p], "device" + std::to_string(p), gammas[p], threads).granularity();
    const double share = policy_ == Policy::all ? 1 : policy_ == Policy::fixed ? (p == index_ ? 1 : 0) : 1 / n;
    granularity_ += share * std::fabs(gammas[p]) * own;
  }
  if (!(granularity_ > 0)) fail_value(parameters.section() + ".gamma must not be 0 for every device that takes pulses");
}

std::uint64_t VectorCell::taken(std::size_t p, std::size_t instance, const pulse::Request& request) const {
  if (policy_ == Policy::all) return request.samples;
  if (policy_ == Policy::fixed) return p == index_ ? request.samples : 0;
  std::uint64_t result = 0;
  for (std::size_t s = 0; s < request.trains.samples(); ++s) {
    if ((request.samples >> s & 1) == 0) continue;
    const std::uint64_t step = request.first_step + s;
    std::uint64_t chosen = step % parts();
    if (policy_ == Policy::random) {
      const random::Stream stream(key(instance), random::Purpose::cell_choice, step);
      chosen = static_cast<std::uint64_t>(stream.words_of_one(0, 0)[0]) * parts() >> 32;
    }
    if (chosen == p) result |= std::uint64_t{1} << s;
  }
  return result;
}

void VectorCell::pulse_parts(std::size_t instance, const pulse::Request& request) {
  for (std::size_t p = 0; p < parts(); ++p) {
    pulse::Request own = request_of(p, request);
    own.samples = taken(p, instance, request);
    own.directions = directed(request.directions, gamma(p, instance) < 0);
    part(p).pulse(instance, own);
  }
}

void VectorCell::distribute(const Target& target) {
  if (policy_ == Policy::fixed) return correct(index_, target);
  double squares = 0;
  for (std::size_t p = 0; p < parts(); ++p) squares += std::pow(gamma(p, 0), 2);
  for (std::size_t p = 0; p < parts(); ++p) {
    Target share(target.size());
    const auto factor = static_cast<float>(gamma(p, 0) / squares);
    for (std::size_t i = 0; i < target.size(); ++i) share[i] = factor * target[i];
    (void)part(p).set_weight(share.data(), true);
  }
  for (std::size_t p = 0; p < parts(); ++p) {
    if (gamma(p, 0) != 0) correct(p, target);
  }
}

}  // namespace mho::cell
