// Residual learning with dynamic tracking of the symmetry point: the mean of what is read of the fast array is where
// its devices drift to by themselves, and only what differs from it counts (Xiao et al., arXiv 2602.21321, 2026). What
// counts is written as it is, or summed up in a digital buffer until it is worth a pulse.
#pragma once

#include "mho/rule/auto_scale.h"
#include "mho/rule/step_buffer.h"
#include "mho/rule/transfer.h"

namespace mho::rule {

class RIDER : public TransferRule {
 public:
  static constexpr const char* name = "RIDER";
  RIDER(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads)
      : TransferRule(p, main, update, threads),
        share_(p.number("filter", 1e-12, 1)),
        granularity_(p, 0),
        step_(p.number("step", 1e-12, 1e12)),
        steps_(p),
        auto_scale_(p),
        mean_(&add_buffer("running_mean")),
        buffer_(granularity_.given() ? &add_buffer("buffer") : nullptr),
        maxima_(auto_scale_.on() ? &add_line_buffer("running_maxima", 2, 0.0F) : nullptr) {}

 protected:
  double fast_rate(std::size_t k, double lr, const float* x, const float* d) override {
    const double rate = TransferRule::fast_rate(k, lr, x, d);
    if (maxima_ == nullptr) return rate;
    return auto_scale_.rate(rate * update_.bl * fast_[0]->crosspoints().granularity(), maxima_->of(k),
                            {x, main_.shape().in_features}, {d, main_.shape().out_features}, batch_size_);
  }
  void digest(std::size_t, std::size_t k, const Event& event, double lr, double, const float* read,
              float* write) override {
    const float* mean = line_of(*mean_, k, event);
    for (std::size_t i = 0; i < line_length(); ++i) write[i] = read[i] - mean[i];
    follow(k, event, read);
    collect(k, event, lr, write);
  }
  [[nodiscard]] double write_rate(std::size_t level, double lr) const override {
    return buffer_ == nullptr ? transfer_rate(level, lr) : step_ * main_.crosspoints().granularity();
  }
  [[nodiscard]] std::size_t operations_per_line() const override {
    return (buffer_ == nullptr ? 4 : 6) * line_length();
  }
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

  // What is to be written goes to the buffer, where there is one, and becomes the pulses that it gives.
  void collect(std::size_t k, const Event& event, double lr, float* write) {
    if (buffer_ == nullptr) return;
    float* buffer = line_of(*buffer_, k, event);
    const double samples = static_cast<double>(lines()) * every_ * batch_size_;
    const double size = granularity_.of(fast_[0]->crosspoints().granularity(), samples);
    const auto unit = static_cast<float>(transfer_rate(0, lr) / size);
    const auto most = static_cast<float>(transfer_update_.bl);
    for (std::size_t i = 0; i < line_length(); ++i) {
      buffer[i] += write[i] * unit;
      write[i] = steps_.take(buffer[i], most);
    }
  }

  double share_;
  BufferGranularity granularity_;
  double step_;
  StepBuffer steps_;
  AutoScale auto_scale_;
  Buffer* mean_;
  Buffer* buffer_;  // null: none
  Buffer* maxima_;  // running means of max |x| and max |d|; null: none
};

}  // namespace mho::rule
