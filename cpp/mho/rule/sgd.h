// Stochastic gradient descent: the rank-1 update of each sample is pulsed straight onto the array
// (Gokmen and Vlasov, Front. Neurosci. 10:333, 2016).
#pragma once

#include "mho/rule/rule.h"

namespace mho::rule {

class SGD final : public Rule {
 public:
  static constexpr const char* name = "SGD";
  SGD(Parameters&, array::Array& main, const pulse::UpdateParameters& update, Threads) : main_(main), update_(update) {}
  void check_update(const array::Batch& x, const array::Batch& d, double lr) override {
    main_.check_pulse(x, d, {&lr}, update_);
  }
  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) override {
    main_.pulse(x, d, lr, update_, threads);
  }

 private:
  array::Array& main_;
  pulse::UpdateParameters update_;
};

}  // namespace mho::rule
