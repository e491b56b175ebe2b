// The shape of an array of crosspoints, and where their values lie.
#pragma once

#include <cstddef>

namespace mho::array {

struct Shape {
  std::size_t out_features;
  std::size_t in_features;
  std::size_t instances;

  // Devices of one input lie side by side. Inputs are padded to the four, outputs to the sixteen that a kernel takes at
  // a time. Padding never moves.
  [[nodiscard]] std::size_t padded_inputs() const { return (in_features + 3) / 4 * 4; }
  [[nodiscard]] std::size_t stride() const { return (out_features + 15) / 16 * 16; }
  [[nodiscard]] std::size_t plane() const { return padded_inputs() * stride(); }
  [[nodiscard]] std::size_t place(std::size_t output, std::size_t input) const { return input * stride() + output; }
  // Of one instance, and of all.
  [[nodiscard]] std::size_t crosspoints() const { return out_features * in_features; }
  [[nodiscard]] std::size_t devices() const { return instances * crosspoints(); }

  // Copies the values of one instance, out x in and contiguous, to their places, and back. Padding is left as it is.
  void pad(const float* values, float* padded) const;
  void unpad(const float* padded, float* values) const;
};

}  // namespace mho::array
