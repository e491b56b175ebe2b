// Residual learning with dynamic tracking of the symmetry point: the mean of what is read of the fast array is where
// its devices drift to by themselves, and only what differs from it counts (Xiao et al., arXiv 2602.21321, 2026).
#pragma once

#include "mho/rule/transfer.h"

namespace mho::rule {

class RIDER : public TransferRule {
 public:
  static constexpr const char* name = "RIDER";
  RIDER(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, int threads)
      : TransferRule(p, main, update, threads),
        share_(p.number("filter", 1e-12, 1)),
        mean_(&add_buffer("running_mean")) {}

 protected:
  void digest(std::size_t, std::size_t k, const Event& event, double, double, const float* read,
              float* write) override {
    const float* mean = line_of(*mean_, k, event);
    for (std::size_t i = 0; i < line_length(); ++i) write[i] = read[i] - mean[i];
    follow(k, event, read);
  }
  [[nodiscard]] double write_rate(std::size_t level, double lr) const override { return transfer_rate(level, lr); }
  [[nodiscard]] std::size_t operations_per_line() const override { return 4 * line_length(); }
  [[nodiscard]] Buffer* baseline() override { return mean_; }

  [[nodiscard]] float* line_of(Buffer& buffer, std::size_t k, const Event& event) const {
    return buffer.of(k) + event.line[k] * line_length();
  }
  // The mean takes in what was read.
  void follow(std::size_t k, const Event& event, const float* read) {
    float* mean = line_of(*mean_, k, event);
    const auto share = static_cast<float>(share_);
    for (std::size_t i = 0; i < line_length(); ++i) mean[i] = (1 - share) * mean[i] + share * read[i];
  }

  double share_;
  Buffer* mean_;
};

}  // namespace mho::rule
