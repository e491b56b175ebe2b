// Tiki-Taka with choppers: the signs of the lines of the fast array change now and then, so that what its devices add
// by themselves averages out (Rasch, Carta, Fagbohungbe and Gokmen, Nat. Commun. 15:7133, 2024).
#pragma once

#include "mho/rule/auto_scale.h"
#include "mho/rule/step_buffer.h"
#include "mho/rule/transfer.h"

namespace mho::rule {

class ChoppedTikiTaka2 : public TransferRule {
 public:
  static constexpr const char* name = "ChoppedTikiTaka2";
  ChoppedTikiTaka2(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads);

 protected:
  double fast_rate(std::size_t instance, double lr, const float* x, const float* d) override;
  void digest(std::size_t level, std::size_t instance, const Event& event, double lr, double rate, const float* read,
              float* write) override;
  [[nodiscard]] double write_rate(std::size_t level, double lr) const override;
  [[nodiscard]] std::size_t operations_per_line() const override { return 3 * line_length(); }
  [[nodiscard]] Signs signs(std::size_t instance) override;
  void line_was_read(std::size_t instance, Event& event) override;

  // What a number that was read counts in the buffer, in pulses of the slow array.
  [[nodiscard]] float gain(double lr, double rate) const;
  // Reads of a line between two regular changes of its sign.
  [[nodiscard]] std::uint64_t regular_period() const;

  double in_chop_prob_, out_chop_prob_;
  bool in_chop_random_;
  BufferGranularity granularity_;
  AutoScale auto_scale_;
  bool correct_gradient_magnitudes_;
  double step_;
  StepBuffer steps_;
  Buffer* buffer_;

 private:
  Buffer* in_chopper_;   // of the lines that are read
  Buffer* out_chopper_;  // of the lines across
  Buffer* changed_;      // whether a line's sign changed when it was last read
  Buffer* maxima_;       // running means of max |x| and max |d|
};

}  // namespace mho::rule
