// What the tests of cells share: their parameters, and samples that go by without pulses.
#pragma once

#include <string>
#include <vector>

#include "mho/cell/cell_crosspoints.h"
#include "support.h"

namespace mho::tests {

using Sections = std::vector<Parameters>;

// Steps of one size, bounds out of reach.
inline Parameters flat(double dw_min, const Values& changes = {}) {
  Values values = no_spread();
  values["dw_min"] = dw_min;
  values["w_max"] = 100.0;
  values["w_min"] = -100.0;
  for (const auto& [name, value] : changes) values[name] = value;
  return device("ConstantStep", values);
}

inline Parameters vector_cell(Sections devices, std::vector<double> gamma, const std::string& policy = "all",
                              double index = 0) {
  return {"device",
          {{"type", "Vector"},
           {"devices", std::move(devices)},
           {"gamma", std::move(gamma)},
           {"policy", policy},
           {"index", index}}};
}

inline Parameters reference_cell(const Parameters& device, const Values& changes = {}) {
  return merged("device",
                {{"type", "Reference"}, {"device", Sections{device}}, {"reference_mean", 0.0}, {"reference_std", 0.0}},
                changes);
}

inline Parameters one_sided_cell(const Parameters& device, double step, const Values& changes = {}) {
  return merged("device",
                {{"type", "OneSided"},
                 {"device", Sections{device}},
                 {"gamma", 1.0},
                 {"steps", std::vector<double>{step, step}},
                 {"refresh_every", 0.0},
                 {"refresh_upper", 0.75},
                 {"refresh_lower", 0.25}},
                changes);
}

inline Parameters multi_significance_cell(const Parameters& pair, const Parameters& capacitor,
                                          const Values& changes = {}) {
  return merged("device",
                {{"type", "MultiSignificance"},
                 {"pair", Sections{pair}},
                 {"capacitor", Sections{capacitor}},
                 {"gain", 3.0},
                 {"transfer_every", 2.0},
                 {"polarity_inversion", true},
                 {"reference_mean", 0.0},
                 {"reference_std", 0.0}},
                changes);
}

// A pulse for every device, up or down.
inline void pulse_all(array::Array& a, bool up, double granularity) {
  const std::vector<float> x(a.shape().in_features, 1.0F);
  const std::vector<float> d(a.shape().out_features, up ? -1.0F : 1.0F);
  const auto one = update_parameters({{"bl", 1.0}, {"update_management", false}, {"update_bl_management", false}});
  a.pulse({x.data(), 1, x.size(), false}, {d.data(), 1, d.size(), false}, granularity, one, 1);
}

// Samples without pulses.
inline void pass(array::Array& a, std::size_t samples) {
  const std::vector<float> x(samples * a.shape().in_features);
  const std::vector<float> d(samples * a.shape().out_features);
  a.pulse({x.data(), samples, a.shape().in_features, false}, {d.data(), samples, a.shape().out_features, false}, 0.1,
          update_parameters(), 1);
}

inline std::uint64_t counted(const array::Array& a, const std::string& name) {
  for (const auto& counter : a.crosspoints().counters()) {
    if (counter.name == name) return counter.values.at(0);
  }
  ADD_FAILURE() << "nothing is counted as " << name;
  return 0;
}

}  // namespace mho::tests
