// Tiki-Taka: what is read of a line of the fast array is pulsed onto the same line of the next one
// (Gokmen and Haensch, Front. Neurosci. 14:103, 2020).
//
// Residual learning (Wu et al., arXiv 2502.06309, 2025) is this with gamma > 0, and with several fast arrays its
// multi-tile form (arXiv 2510.02516).
#pragma once

#include <algorithm>

#include "mho/rule/transfer.h"

namespace mho::rule {

class TikiTaka final : public TransferRule {
 public:
  static constexpr const char* name = "TikiTaka";
  TikiTaka(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
      : TransferRule(p, main, update, threads) {}

 protected:
  void digest(std::size_t, std::size_t, const Event&, double, double, const float* read, float* write) override {
    std::copy_n(read, line_length(), write);
  }
  [[nodiscard]] double write_rate(std::size_t level, double lr) const override { return transfer_rate(level, lr); }
  [[nodiscard]] std::size_t operations_per_line() const override { return 0; }
};

}  // namespace mho::rule
