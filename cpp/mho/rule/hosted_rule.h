// A rule that is written outside of the engine. It has said which arrays and buffers it needs, and is called once for
// each update, with what it may do: pulse, read and program arrays, and change its buffers.
//
// What is done to an array is checked before it changes anything. If the rule itself fails between two such steps, the
// update cannot be taken back. That is a part of the state, and there is no further update until another state is
// loaded, or the weights are programmed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mho/rule/rule.h"
#include "mho/rule/summed_weights.h"

namespace mho::rule {

class HostedRule final : public Rule {
 public:
  static constexpr const char* name = "Hosted";
  HostedRule(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads threads);

  using Host = std::function<void(const array::Batch& x, const array::Batch& d, double lr)>;
  void set_host(Host host) { host_ = std::move(host); }

  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) override;
  // What it calls may know of anything.
  [[nodiscard]] bool independent() const override { return false; }
  void rest() override;
  [[nodiscard]] const float* visible(std::size_t instance) override;
  [[nodiscard]] std::vector<NamedArray> arrays() override;
  [[nodiscard]] std::vector<Buffer*> buffers() override;
  [[nodiscard]] std::vector<array::Counter> counters() const override;
  void set_counters(const std::vector<array::Counter>& counters) override;
  void state_changed() override { seen_.change(); }

  // From here on: what the host may do while it is called. Arrays are named by their places, the main one by 0.
  using Line = pulse::Snapshot::Line;
  // A line that is read after a sample of a call.
  struct LineRead {
    std::size_t sample;
    std::size_t line;
  };

  // The place of an array; throws where there is none.
  [[nodiscard]] std::size_t find(const std::string& array_name) const;
  [[nodiscard]] std::vector<std::string> array_names() const;
  [[nodiscard]] array::Array& array(std::size_t place) { return *slots_[place].array; }
  [[nodiscard]] const array::Shape& shape() const { return main_.shape(); }
  // Crosspoints of a line, and lines.
  [[nodiscard]] std::size_t line_length(Line line) const {
    return line == Line::column ? shape().out_features : shape().in_features;
  }
  [[nodiscard]] std::size_t lines(Line line) const {
    return line == Line::column ? shape().in_features : shape().out_features;
  }
  // Throws unless there is such a line.
  void check_line(Line line, std::size_t index) const;
  // Samples of all updates before this one.
  [[nodiscard]] std::uint64_t samples() const { return samples_; }

  // Moves the weights of an array by -lr d^T x in expectation. On the way lines are read, in the order of their
  // samples; values is (instances x reads x line_length).
  void pulse(std::size_t place, const array::Batch& x, const array::Batch& d, array::Rates lr,
             const pulse::UpdateParameters* update, Line line, std::span<const LineRead> reads, float* values,
             Threads threads);
  // Reads lines as they are now.
  void read_lines(std::size_t place, Line line, std::span<const std::size_t> lines, float* values, Threads threads);
  // Reads vectors; y is (instances x samples x outputs).
  void read(std::size_t place, periphery::Direction direction, const array::Batch& x, float* y, Threads threads);
  // Gives each device a number of pulses of its own.
  void pulse_by_count(std::size_t place, const float* counts, bool per_instance, bool pulse_by_pulse, Threads threads);
  // Programs an array without noise. Returns how many crosspoints did not reach their target.
  std::size_t program(std::size_t place, const float* w, bool per_instance);
  // A buffer; whoever asks for it may change it.
  [[nodiscard]] std::shared_ptr<Buffer> buffer(const std::string& buffer_name);
  void count_operations(std::uint64_t operations) { digital_operations_ += operations; }

 private:
  struct Slot {
    std::string name;
    array::Array* array;
    double gamma;  // weight of the array in what reads of the tile see
    std::unique_ptr<array::Array> own;
    std::vector<periphery::ReadChannel> columns, rows;  // of each instance
    std::uint64_t line_reads = 0;
  };
  void add(const std::string& array_name, array::Array* array, double gamma, Parameters& line_io,
           const std::vector<std::uint64_t>& keys);
  void digitise(Slot& slot, Line line, const float* seen, std::size_t reads, float* values, Threads threads);
  [[nodiscard]] std::size_t instances() const { return main_.shape().instances; }
  void touch() {
    touched_ = true;
    seen_.change();
  }

  array::Array& main_;
  pulse::UpdateParameters update_;
  Host host_;
  std::vector<Slot> slots_;                       // the main array first
  std::vector<std::shared_ptr<Buffer>> buffers_;  // the host may still look at them when the rule is gone
  std::vector<float> starts_;                     // of each buffer
  std::uint64_t samples_ = 0, digital_operations_ = 0;
  bool touched_ = false;  // whether this update may have changed something
  bool half_updated_ = false;
  SummedWeights seen_;  // of all arrays, as reads see them
};

}  // namespace mho::rule
