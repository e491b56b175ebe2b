// Analog gradient accumulation with dynamic reference: choppers, and a reference for each crosspoint that is the mean
// of what was read before its sign last changed (Rasch, Carta, Fagbohungbe and Gokmen, Nat. Commun. 15:7133, 2024).
#pragma once

#include <algorithm>
#include <cmath>

#include "mho/rule/chopped_tiki_taka2.h"

namespace mho::rule {

class AGAD final : public ChoppedTikiTaka2 {
 public:
  static constexpr const char* name = "AGAD";
  AGAD(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
      : ChoppedTikiTaka2(p, main, update, threads),
        tail_weightening_(p.number("tail_weightening", 0, 1e9)),
        buffer_cap_(p.number("buffer_cap", 0, 1e9)),
        mean_(&add_buffer("running_mean")),
        reference_(&add_buffer("reference")) {}

 protected:
  void digest(std::size_t, std::size_t k, const Event& event, double lr, double rate, const float* read,
              float* write) override {
    const std::size_t n = line_length();
    float* buffer = buffer_->of(k) + event.line[k] * n;
    float* mean = mean_->of(k) + event.line[k] * n;
    float* reference = reference_->of(k) + event.line[k] * n;
    const float* sign = event.sign.data() + k * n;
    const float unit = gain(lr, rate);
    const auto most = static_cast<float>(transfer_update_.bl);
    const auto share = static_cast<float>(std::fmin(tail_weightening_ / static_cast<double>(regular_period()), 1.0));
    const float cap = steps_.forgets() ? 0.0F : most * static_cast<float>(buffer_cap_);
    // Nothing is written before there is a reference.
    const bool writes = event.before[k] > regular_period();
    if (event.fresh[k] != 0) std::copy_n(mean, n, reference);
    for (std::size_t i = 0; i < n; ++i) {
      buffer[i] += sign[i] * (read[i] - reference[i]) * unit;
      const float steps = steps_.take(buffer[i], most);
      if (cap > 0) buffer[i] = std::clamp(buffer[i], -cap, cap);
      write[i] = writes ? steps : 0.0F;
      mean[i] = mean[i] * (1 - share) + read[i] * share;
    }
  }
  [[nodiscard]] std::size_t operations_per_line() const override { return 6 * line_length(); }

 private:
  double tail_weightening_, buffer_cap_;
  Buffer* mean_;
  Buffer* reference_;
};

}  // namespace mho::rule
