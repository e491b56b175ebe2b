// A rule with its arrays, and samples to train it with.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "mho/rule/rule.h"
#include "support.h"

namespace mho::tests {

struct Trained {
  static constexpr std::size_t out = 6, in = 20;
  std::unique_ptr<array::Array> main;
  std::unique_ptr<rule::Rule> rule;

  explicit Trained(const std::string& type, const Values& changes = {}, const std::string& device_type = "SoftBounds")
      : main(make_array(device(device_type), {out, in, 2}, {1, 2})) {
    Parameters parameters = transfer_rule(type, device_type, changes);
    rule = rule::make_rule(parameters, *main, update_parameters(), 1);
  }
  void train(std::size_t first, std::size_t count, double lr = 0.1) {
    const auto x = random_values(200 * in, 91);
    const auto d = random_values(200 * out, 92);
    rule->update({x.data() + first * in, count, in, false}, {d.data() + first * out, count, out, false}, lr, 2);
  }
  // A digital buffer of instance 0, as rows by columns.
  std::vector<float> buffer(const std::string& name) {
    for (rule::Buffer* found : rule->buffers()) {
      if (found->name != name) continue;
      std::vector<float> values(found->size());
      found->copy(0, values.data());
      return values;
    }
    ADD_FAILURE() << "no buffer " << name;
    return {};
  }
  // Everything that is the state of a rule and its arrays.
  State state() {
    State all = state_of(*main);
    for (const rule::NamedArray& named : rule->arrays()) {
      const State own = state_of(*named.array);
      all.planes.insert(all.planes.end(), own.planes.begin(), own.planes.end());
      all.counters.insert(all.counters.end(), own.counters.begin(), own.counters.end());
      all.counters.push_back({own.step});
    }
    for (const rule::Buffer* found : rule->buffers()) all.planes.push_back(found->values);
    for (const auto& counter : rule->counters()) all.counters.push_back(counter.values);
    return all;
  }
};

}  // namespace mho::tests
