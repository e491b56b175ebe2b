// Tiki-Taka with a digital buffer between the arrays: reads are summed up, and a crosspoint of the slow array is pulsed
// when its sum passes a threshold (Gokmen, Front. Artif. Intell. 4:699148, 2021).
#pragma once

#include "mho/rule/step_buffer.h"
#include "mho/rule/transfer.h"

namespace mho::rule {

class TikiTaka2 final : public TransferRule {
 public:
  static constexpr const char* name = "TikiTaka2";
  TikiTaka2(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
      : TransferRule(p, main, update, threads),
        threshold_(p.number("threshold_scale", 1e-12, 1e12)),
        step_(p.number("step", 1e-12, 1e12)),
        steps_(p),
        buffers_(add_buffers("buffer")) {}

 protected:
  // The buffer holds multiples of the threshold.
  void digest(std::size_t level, std::size_t k, const Event& event, double lr, double, const float* read,
              float* write) override {
    float* buffer = buffers_[level]->of(k) + event.line[k] * line_length();
    const auto gain = static_cast<float>(transfer_rate(level, lr) / (threshold_ * granularity(level)));
    const auto most = static_cast<float>(transfer_update_.bl);
    for (std::size_t i = 0; i < line_length(); ++i) {
      buffer[i] += read[i] * gain;
      write[i] = steps_.take(buffer[i], most);
    }
  }
  [[nodiscard]] double write_rate(std::size_t level, double) const override { return step_ * granularity(level); }
  [[nodiscard]] std::size_t operations_per_line() const override { return 2 * line_length(); }

 private:
  [[nodiscard]] double granularity(std::size_t level) const { return target(level).crosspoints().granularity(); }

  double threshold_, step_;
  StepBuffer steps_;
  std::vector<Buffer*> buffers_;
};

}  // namespace mho::rule
