// Mixed precision: the gradient is summed up digitally, an optimizer makes a change of the weights of it, and what has
// come to whole steps of a device is programmed by pulses (Nandakumar et al., Front. Neurosci. 14:406, 2020).
#pragma once

#include "mho/rule/rule.h"

namespace mho::rule {

class MixedPrecision final : public Rule {
 public:
  static constexpr const char* name = "MixedPrecision";
  MixedPrecision(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads);

  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) override;
  void rest() override;
  [[nodiscard]] std::vector<Buffer*> buffers() override;
  [[nodiscard]] std::vector<array::Counter> counters() const override;
  void set_counters(const std::vector<array::Counter>& counters) override;

 private:
  enum class Optimizer { sgd, momentum, adam };

  void accumulate(const array::Batch& x, const array::Batch& d, std::size_t first, std::size_t count, Threads threads);
  void quantise(std::vector<float>& values, double bins, std::size_t instance, std::uint64_t step,
                random::Purpose purpose) const;
  void optimise(double lr, Threads threads);
  void transfer(Threads threads);
  [[nodiscard]] std::size_t instances() const { return main_.shape().instances; }

  array::Array& main_;
  pulse::UpdateParameters transfer_update_;
  Optimizer optimizer_;
  double momentum_, beta1_, beta2_, epsilon_;
  double x_bins_, d_bins_;
  bool stochastic_rounding_;
  std::uint64_t batch_size_;      // samples between two steps of the optimizer
  std::uint64_t transfer_every_;  // steps of the optimizer between two transfers
  double rows_;                   // of a transfer; 0: all
  double transfer_lr_;
  double granularity_;  // change of weight that counts as a pulse

  Buffer gradient_;  // of the present batch
  Buffer residual_;  // change of the weights that is still to be written
  std::vector<Buffer> moments_;
  std::uint64_t samples_ = 0, optimizer_steps_ = 0, next_row_ = 0, digital_operations_ = 0;
};

}  // namespace mho::rule
