// Residual learning: a fast array learns what the slow one lacks, and reads see both (Wu et al., arXiv 2502.06309,
// 2025); with several arrays, each learns what the slower ones lack together (Li et al., arXiv 2510.02516, 2025). What
// is read of an array may be filtered before it is written to the next.
#pragma once

#include <cmath>

#include "mho/rule/transfer.h"

namespace mho::rule {

class ResidualLearning final : public TransferRule {
 public:
  static constexpr const char* name = "ResidualLearning";
  ResidualLearning(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
      : TransferRule(p, main, update, threads),
        share_(p.number("filter", 1e-12, 1)),
        threshold_(p.number("write_threshold", 0, 1e6)),
        means_(add_buffers("filtered")) {}

 protected:
  void digest(std::size_t level, std::size_t k, const Event& event, double lr, double, const float* read,
              float* write) override {
    float* mean = means_[level]->of(k) + event.line[k] * line_length();
    const auto share = static_cast<float>(share_);
    // Smaller changes are not written.
    const double rate = transfer_rate(level, lr);
    const double granularity = target(level).crosspoints().granularity();
    const auto least = static_cast<float>(rate > 0 ? threshold_ * granularity / rate : 0.0);
    for (std::size_t i = 0; i < line_length(); ++i) {
      mean[i] = (1 - share) * mean[i] + share * read[i];
      write[i] = std::fabs(mean[i]) >= least ? mean[i] : 0.0F;
    }
  }
  [[nodiscard]] double write_rate(std::size_t level, double lr) const override { return transfer_rate(level, lr); }
  [[nodiscard]] std::size_t operations_per_line() const override { return 3 * line_length(); }

 private:
  double share_, threshold_;
  std::vector<Buffer*> means_;
};

}  // namespace mho::rule
