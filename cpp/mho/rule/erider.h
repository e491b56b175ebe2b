// RIDER with choppers: the sign of a line of the fast array changes now and then, and what counts is the difference to
// the mean as it was when it last did (Xiao et al., arXiv 2602.21321, 2026).
#pragma once

#include <algorithm>
#include <vector>

#include "mho/rule/rider.h"

namespace mho::rule {

class ERIDER final : public RIDER {
 public:
  static constexpr const char* name = "ERIDER";
  ERIDER(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
      : RIDER(p, main, update, threads),
        in_chop_prob_(p.number("in_chop_prob", 0, 1)),
        reference_(&add_buffer("reference")),
        in_chopper_(&add_line_buffer("in_chopper", lines(), 1.0F)),
        across_(line_length(), 1.0F) {}

 protected:
  void digest(std::size_t, std::size_t k, const Event& event, double lr, double, const float* read,
              float* write) override {
    float* reference = line_of(*reference_, k, event);
    const float* sign = event.sign.data() + k * line_length();
    for (std::size_t i = 0; i < line_length(); ++i) write[i] = sign[i] * (read[i] - reference[i]);
    follow(k, event, read);
    collect(k, event, lr, write);
    if (changes(k, event)) std::copy_n(line_of(*mean_, k, event), line_length(), reference);
  }
  [[nodiscard]] std::size_t operations_per_line() const override {
    return RIDER::operations_per_line() + line_length();
  }
  [[nodiscard]] Buffer* baseline() override { return reference_; }
  [[nodiscard]] Signs signs(std::size_t k) override { return {in_chopper_->of(k), across_.data()}; }
  void line_was_read(std::size_t k, Event& event) override {
    if (changes(k, event)) in_chopper_->of(k)[event.line[k]] *= -1.0F;
  }

 private:
  // Whether the sign of a line changes when it was read.
  [[nodiscard]] bool changes(std::size_t k, const Event& event) const {
    return chance(fast_[0]->crosspoints().key(k), random::Purpose::chopper, event.number) < in_chop_prob_;
  }

  double in_chop_prob_;
  Buffer* reference_;
  Buffer* in_chopper_;  // of the lines that are read
  std::vector<float> across_;
};

}  // namespace mho::rule
