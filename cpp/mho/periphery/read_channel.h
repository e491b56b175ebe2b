// The analog matrix-vector product through its periphery: management, DAC, crossbar, converters' errors, ADC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mho/aligned.h"
#include "mho/parallel.h"
#include "mho/periphery/gemm.h"
#include "mho/periphery/io_parameters.h"
#include "mho/random/philox.h"
#include "mho/random/purpose.h"

namespace mho::periphery {

// Which direction the array is read in: forward y = W x, backward y = W^T x.
enum class Direction { forward, backward };

struct ReadRequest {
  const float* x;  // vectors x inputs, contiguous
  float* y;        // vectors x outputs, contiguous
  std::size_t vectors;
  std::uint64_t first_step;  // of the first vector; the next has the next
  random::ReadStream stream;
  bool noise;          // false: every random contribution is off, all that is deterministic stays
  bool track_average;  // whether the running average of noise management moves
  Threads threads;
};

// The periphery of one direction of one crossbar: parameters, what was fixed when it was built, and its running
// average.
class ReadChannel {
 public:
  ReadChannel(const IoParameters& parameters, Direction direction, std::size_t out_features, std::size_t in_features,
              random::Key key);

  // w is in x out, as devices lie, whatever the direction.
  void read(const MatrixView& w, const ReadRequest& request);
  // One line of devices: what a channel of a single input, driven by 1, gives at all its outputs.
  void read_line(const float* line, std::uint64_t step, float* y);

  // What reading so many vectors takes one thread, roughly.
  [[nodiscard]] double nanoseconds(std::size_t vectors) const;

  // The running average of max |x| (noise management average_abs_max); 0 before the first vector.
  [[nodiscard]] float running_average() const { return running_average_; }
  void set_running_average(float value) { running_average_ = value; }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Vectors;
  struct Block;

  void read_perfect(const MatrixView& w, const ReadRequest& request) const;
  void set_scales(const ReadRequest& request, std::vector<float>& scale);
  [[nodiscard]] float worst_case_scale(const float* x, float max_abs) const;
  void read_block(const MatrixView& w, const ReadRequest& request, std::size_t first, std::size_t count,
                  const float* scale, Threads threads) const;
  void prepare(const ReadRequest& request, Block& block, std::size_t row) const;
  // Whether the sums of IR drop come with the currents in one loop.
  [[nodiscard]] bool drops_at_once(const Vectors& x) const;
  void prepare_ir_drop(Block& block, std::size_t pass, Threads threads) const;
  void read_panel(const MatrixView& w, const ReadRequest& request, Block& block, std::size_t panel) const;
  [[nodiscard]] Vectors vectors_of(const float* x, std::size_t rows) const;
  void multiply_panel(const Vectors& x, const MatrixView& panel, float* y, std::size_t y_stride) const;
  void analog_stage(const ReadRequest& request, const Block& block, std::size_t row, std::size_t pass,
                    std::size_t first, std::size_t count, const float* absolute, const float* passed,
                    const float* variance, float* y) const;
  [[nodiscard]] bool convert(const ReadRequest& request, const Block& block, std::size_t row, std::size_t first,
                             std::size_t count) const;
  [[nodiscard]] bool digitise(const ReadRequest& request, const Block& block, std::size_t row, std::size_t pass,
                              std::size_t first, std::size_t count, float* y) const;
  void shift(Block& block, std::size_t row) const;
  [[nodiscard]] std::size_t passes() const { return parameters_.mv_type == ReadPasses::one ? 1 : 2; }
  [[nodiscard]] std::size_t panels() const;

  IoParameters parameters_;
  Direction direction_;
  std::size_t inputs_, outputs_;
  random::Key key_;
  float running_average_ = 0;
  // Fixed for each output line, empty where off.
  AlignedVector<float> noise_std_, nonlinearity_, voltage_offset_;
  // How much of a wire its input line passes, for IR drop; empty where off.
  AlignedVector<float> wire_passed_;
  float nonlinearity_gain_ = 1;
  // (1 + sigma xi) of each device for negative inputs, in the layout of the weights; empty where off.
  AlignedVector<float> read_asymmetry_;
  std::size_t asymmetry_stride_ = 0;
};

}  // namespace mho::periphery
