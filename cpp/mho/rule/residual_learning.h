// Residual learning: a fast array learns what the slow one lacks, and reads see both (Wu et al., arXiv 2502.06309,
// 2025). What is read of the fast array may be filtered before it is written.
#pragma once

#include <cmath>

#include "mho/rule/transfer.h"

namespace mho::rule {

class ResidualLearning final : public TransferRule {
 public:
  static constexpr const char* name = "ResidualLearning";
  ResidualLearning(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, int threads)
      : TransferRule(p, main, update, threads),
        share_(p.number("filter", 1e-12, 1)),
        threshold_(p.number("write_threshold", 0, 1e6)),
        mean_(&add_buffer("filtered")) {}

 protected:
  void digest(std::size_t, std::size_t k, const Event& event, double lr, double, const float* read,
              float* write) override {
    float* mean = mean_->of(k) + event.line * line_length();
    const auto share = static_cast<float>(share_);
    // Smaller changes are not written.
    const double rate = transfer_rate(lr);
    const auto least = static_cast<float>(rate > 0 ? threshold_ * main_.crosspoints().granularity() / rate : 0.0);
    for (std::size_t i = 0; i < line_length(); ++i) {
      mean[i] = (1 - share) * mean[i] + share * read[i];
      write[i] = std::fabs(mean[i]) >= least ? mean[i] : 0.0F;
    }
  }
  [[nodiscard]] double write_rate(std::size_t, double lr) const override { return transfer_rate(lr); }
  [[nodiscard]] std::size_t operations_per_line() const override { return 3 * line_length(); }

 private:
  double share_, threshold_;
  Buffer* mean_;
};

}  // namespace mho::rule
