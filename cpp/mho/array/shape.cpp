#include "mho/array/shape.h"

#include <algorithm>

namespace mho::array {

namespace {

// A square is turned over in a small buffer: lines of a large matrix are so far apart that a cache holds few of them.
constexpr std::size_t side = 16;

// Calls body(first output, outputs, first input, inputs) for squares that cover the crosspoints.
template <class Body> void each_square(const Shape& shape, Body&& body) {
  for (std::size_t i = 0; i < shape.out_features; i += side) {
    const std::size_t outputs = std::min(side, shape.out_features - i);
    for (std::size_t j = 0; j < shape.in_features; j += side) {
      body(i, outputs, j, std::min(side, shape.in_features - j));
    }
  }
}

}  // namespace

void Shape::pad(const float* values, float* padded) const {
  float square[side][side];  // inputs x outputs
  each_square(*this, [&](std::size_t i, std::size_t outputs, std::size_t j, std::size_t inputs) {
    for (std::size_t r = 0; r < outputs; ++r) {
      const float* row = values + (i + r) * in_features + j;
      for (std::size_t c = 0; c < inputs; ++c) square[c][r] = row[c];
    }
    for (std::size_t c = 0; c < inputs; ++c) std::copy_n(square[c], outputs, padded + place(i, j + c));
  });
}

void Shape::unpad(const float* padded, float* values) const {
  float square[side][side];  // outputs x inputs
  each_square(*this, [&](std::size_t i, std::size_t outputs, std::size_t j, std::size_t inputs) {
    for (std::size_t c = 0; c < inputs; ++c) {
      const float* line = padded + place(i, j + c);
      for (std::size_t r = 0; r < outputs; ++r) square[r][c] = line[r];
    }
    for (std::size_t r = 0; r < outputs; ++r) std::copy_n(square[r], inputs, values + (i + r) * in_features + j);
  });
}

}  // namespace mho::array
