#include "mho/cell/multi_significance_cell.h"
#include "mho/error.h"
#include "mho/random/key.h"

namespace mho::cell {

MultiSignificanceCell::MultiSignificanceCell(Parameters& parameters, const array::Shape& shape,
                                             const std::vector<std::uint64_t>& keys, Threads threads)
    : CellCrosspoints(shape, keys),
      gain_(parameters.number("gain", 1e-12, 1e12)),
      polarity_inversion_(parameters.flag("polarity_inversion")),
      transfers_(count("transfers")) {
  happens_every(static_cast<std::uint64_t>(parameters.number("transfer_every", 1, 1e15)));
  pair_ = dynamic_cast<OneSidedCell*>(&add(parameters.section("pair"), "pair", gain_, threads));
  if (pair_ == nullptr) fail_value(parameters.section() + ".pair must be OneSided");
  Parameters fixed = parameters.section("capacitor");
  granularity_ = add(parameters.section("capacitor"), "capacitor", 1, threads).granularity();
  add(fixed, "reference", -1, threads);
  program(reference, parameters.number("reference_mean", -1e6, 1e6), parameters.number("reference_std", 0, 1e6));
  for (std::size_t j = 0; j < shape_.in_features; ++j) {
    for (std::size_t i = 0; i < shape_.out_features; ++i) everywhere_.push_back(shape_.place(i, j));
  }
}

float MultiSignificanceCell::gamma(std::size_t p, std::size_t instance) const {
  const bool inverted = p != pair && polarity_inversion_ && transfers_[instance] % 2 == 1;
  return inverted ? -CellCrosspoints::gamma(p, instance) : CellCrosspoints::gamma(p, instance);
}

void MultiSignificanceCell::pulse_parts(std::size_t instance, const pulse::Request& request) {
  pulse::Request own = request_of(capacitor, request);
  own.directions = directed(request.directions, gamma(capacitor, instance) < 0);
  part(capacitor).pulse(instance, own);
  // No pulses for the pair: its samples pass, and it may be due for a refresh.
  pulse::Request passing = request_of(pair, request);
  passing.samples = 0;
  part(pair).pulse(instance, passing);
}

void MultiSignificanceCell::distribute(const Target& target) {
  for (std::size_t k = 0; k < shape_.instances; ++k) part(capacitor).put_to_rest(k, everywhere_);
  correct(pair, target);
  correct(capacitor, target);
}

void MultiSignificanceCell::happen(std::size_t instance, std::uint64_t event, const pulse::Request& request) {
  const float* g = part(capacitor).visible(instance);
  const float* g_ref = part(reference).visible(instance);
  AlignedVector<float> change(shape_.plane());
  const auto share = static_cast<float>(gamma(capacitor, instance) / gain_);
  for (std::size_t i = 0; i < change.size(); ++i) change[i] = share * (g[i] - g_ref[i]);
  const std::uint64_t key = event_key(instance, "transfer", event);
  pair_->write(instance, change.data(), key, request.pulse_by_pulse, request.threads);
  part(capacitor).reset_places(instance, everywhere_, random::Key::from(random::derive_key(key, "reset")));
  ++transfers_[instance];
}

}  // namespace mho::cell
