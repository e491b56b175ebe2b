// What a random number is for. Different purposes never share a counter.
//
// The numbers are part of the randomness contract: never renumber one, only add.
#pragma once

#include <cstdint>

namespace mho::random {

enum class Purpose : std::uint16_t {
  // Drawn once, when an array or its periphery is built.
  device_construction = 0x0001,
  stuck_construction = 0x0002,
  line_construction = 0x0003,
  read_asymmetry_construction = 0x0004,
  // Drawn for each sample of an update.
  train_x = 0x0010,
  train_d = 0x0011,
  train_rounding_x = 0x0012,
  train_rounding_d = 0x0013,
  pulse_noise = 0x0014,
  write_noise = 0x0015,
  // Drawn for each read of a line, and for each sweep over all lines, by rules with choppers.
  chopper = 0x0016,
  output_chopper = 0x0017,
  gradient_rounding_x = 0x0018,
  gradient_rounding_d = 0x0019,
  // Drawn for each read of a line by rules with several arrays: which line it is, and whether it is reset then.
  line_choice = 0x001A,
  line_reset = 0x001B,
  // Drawn for each call that lets time pass or resets devices.
  elapse_noise = 0x0020,
  reset_noise = 0x0021,
  // Of cells that combine devices: for each sample, which device takes it; for each refresh or transfer, rounding to
  // whole pulses; once, where a reference is programmed.
  cell_choice = 0x0030,
  cell_rounding = 0x0031,
  cell_reference = 0x0032,
  // Drawn for each vector of a read; the kind of read is added (see ReadStream).
  input_rounding = 0x0040,
  input_noise = 0x0041,
  read_noise = 0x0042,
  output_noise = 0x0043,
  output_rounding = 0x0044,
};

// Which sequence of reads a vector belongs to. Evaluation has its own, so that evaluating more often changes no bit of
// a training.
enum class ReadStream : std::uint16_t {
  forward = 0x0100,
  backward = 0x0200,
  evaluation_forward = 0x0300,
  evaluation_backward = 0x0400,
};

inline std::uint16_t purpose_of(Purpose purpose, ReadStream stream) {
  return static_cast<std::uint16_t>(static_cast<std::uint16_t>(purpose) | static_cast<std::uint16_t>(stream));
}

}  // namespace mho::random
