// Rules that accumulate the gradient on a fast array and transfer it, line by line, to slower ones: the frame of the
// Tiki-Taka family (Gokmen and Haensch, Front. Neurosci. 14:103, 2020).
//
// The fast array takes each sample's rank-one update. Every so many samples one of its lines is read through a
// periphery of its own, what is read is digested into pulses, and these go to the same line of the next array; the last
// one is the main array. Every array, line and step is known from the count of samples alone, so a call of 64 samples
// does what 64 calls do.
#pragma once

#include <cmath>
#include <span>

#include "mho/random/stream.h"
#include "mho/rule/rule.h"
#include "mho/rule/summed_weights.h"

namespace mho::rule {

class TransferRule : public Rule {
 public:
  void check_update(const array::Batch& x, const array::Batch& d, double lr) final;
  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) final;
  void rest() override;
  [[nodiscard]] const float* visible(std::size_t instance) final;
  [[nodiscard]] std::vector<NamedArray> arrays() final;
  [[nodiscard]] std::vector<Buffer*> buffers() final;
  [[nodiscard]] std::vector<array::Counter> counters() const override;
  void set_counters(const std::vector<array::Counter>& counters) override;
  void state_changed() final;

 protected:
  // A line that is read, and what is known of it then.
  struct Event {
    std::size_t sample;                 // of the call: the line is read after this one
    std::uint64_t number;               // events of this level so far
    std::uint64_t sweep;                // how often as many lines have been read before as there are
    std::vector<std::size_t> line;      // column or row, of each instance
    std::vector<std::uint64_t> before;  // how often this line of the fastest array has been read before, likewise
    std::vector<float> sign;  // of each of its crosspoints when it was read, of each instance; empty without choppers
    std::vector<unsigned char> fresh;  // whether the line's sign had changed since it was read before, of each instance
  };

  TransferRule(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads);

  // The learning rate of a sample on the fast array.
  virtual double fast_rate(std::size_t instance, double lr, const float* x, const float* d);
  // What a line was read as becomes what the next array is asked to move by, in units of `write_rate`. `rate` is the
  // learning rate that the fast array had.
  virtual void digest(std::size_t level, std::size_t instance, const Event& event, double lr, double rate,
                      const float* read, float* write) = 0;
  [[nodiscard]] virtual double write_rate(std::size_t level, double lr) const = 0;
  // Multiplications and additions that digesting a line takes outside of the arrays.
  [[nodiscard]] virtual std::size_t operations_per_line() const = 0;

  // Choppers: signs of the lines that are read, and of the lines across. x and d of a sample are multiplied with them
  // before they reach the fast array. Null: none.
  struct Signs {
    const float* lines = nullptr;
    const float* across = nullptr;
  };
  [[nodiscard]] virtual Signs signs(std::size_t /*instance*/) { return {}; }
  // A line was read: signs may change now.
  virtual void line_was_read(std::size_t /*instance*/, Event& /*event*/) {}
  // A number in [0, 1).
  [[nodiscard]] static double chance(random::Key key, random::Purpose purpose, std::uint64_t step,
                                     std::uint32_t element = 0);

  // What reads of the tile take off the fastest array; null: nothing.
  [[nodiscard]] virtual Buffer* baseline() { return nullptr; }

  [[nodiscard]] std::size_t levels() const { return fast_.size(); }
  [[nodiscard]] std::size_t instances() const { return main_.shape().instances; }
  [[nodiscard]] std::size_t lines() const { return columns_ ? main_.shape().in_features : main_.shape().out_features; }
  // Crosspoints of a line.
  [[nodiscard]] std::size_t line_length() const {
    return columns_ ? main_.shape().out_features : main_.shape().in_features;
  }
  [[nodiscard]] const array::Array& target(std::size_t level) const {
    return level + 1 < fast_.size() ? *fast_[level + 1] : main_;
  }
  // A number for each crosspoint, kept line by line; and some numbers.
  Buffer& add_buffer(const std::string& name);
  [[nodiscard]] double transfer_rate(std::size_t level, double lr) const {
    const double rate = transfer_lr_ * std::pow(lr_growth_, static_cast<double>(level));
    return scale_transfer_lr_ ? rate * lr : rate;
  }
  // One for each level, named as it is.
  [[nodiscard]] std::vector<Buffer*> add_buffers(const std::string& name);
  Buffer& add_line_buffer(const std::string& name, std::size_t size, float start);

  array::Array& main_;
  std::vector<std::unique_ptr<array::Array>> fast_;  // the fastest first
  pulse::UpdateParameters update_, transfer_update_;
  bool columns_;
  double every_;       // samples between two reads of the fastest array
  double batch_size_;  // of the schedule's units
  double fast_lr_;
  bool scale_fast_lr_;
  double every_growth_;  // reads of one array between two of the next; 0: as many as it has lines
  double transfer_lr_;
  double lr_growth_;  // from one array to the next
  bool scale_transfer_lr_;
  double gamma_;
  bool random_order_;
  double reset_prob_;

 private:
  void run(std::size_t level, const array::Batch& x, const array::Batch& d, array::Rates rates, double lr,
           const std::vector<Event>& events, Threads threads);
  void pulse(std::size_t level, const array::Batch& x, const array::Batch& d, array::Rates rates,
             const std::vector<Event>& events, float* seen, Threads threads);
  // To what reads see: the fastest array, without its baseline and with its choppers undone.
  template <bool columns>
  void add_fast(float share, const float* weights, const Signs& now, const float* base, float* sum) const;
  bool choose_reset(std::size_t level, const Event& event, std::vector<std::uint8_t>& chosen);
  std::vector<Event> schedule(std::size_t level, std::size_t samples);
  void chop(const array::Batch& x, const array::Batch& d, std::vector<Event>& events, std::vector<float>& chopped_x,
            std::vector<float>& chopped_d);
  [[nodiscard]] bool chopped() { return signs(0).lines != nullptr; }
  [[nodiscard]] std::uint64_t period(std::size_t level) const;
  [[nodiscard]] pulse::Snapshot::Line orientation() const {
    return columns_ ? pulse::Snapshot::Line::column : pulse::Snapshot::Line::row;
  }
  [[nodiscard]] float largest_write(std::size_t level, double rate) const;
  // Rates may follow running means, which go back where they were if an update cannot be, or is only checked.
  [[nodiscard]] std::vector<std::vector<float>> running_means() const;
  void set_running_means(const std::vector<std::vector<float>>& values);
  // Of each instance and sample; all that an update checks, it checks here, before anything has changed.
  [[nodiscard]] std::vector<double> checked_rates(const array::Batch& x, const array::Batch& d, double lr);
  // Of one of so many fast arrays.
  [[nodiscard]] static std::string array_name(std::size_t level, std::size_t count) {
    return count == 1 ? "fast" : "fast" + std::to_string(level);
  }

  std::vector<periphery::ReadChannel> readers_;  // of each level and instance
  std::vector<std::uint64_t> samples_;           // that each level has seen
  std::vector<std::uint64_t> reads_;             // of lines, of each level
  std::vector<std::uint64_t> line_reads_;        // of each line of the fastest array, where the order is random
  std::vector<std::uint64_t> resets_;            // of lines, of each level
  std::uint64_t digital_operations_ = 0;
  std::vector<std::unique_ptr<Buffer>> crosspoint_buffers_, line_buffers_;
  SummedWeights seen_;  // of all arrays, as reads see them
};

}  // namespace mho::rule
