// Matrix products of row-major float matrices. The sums depend on the shapes alone, never on caches or threads.
#pragma once

#include <cstddef>
#include <string>

namespace mho::periphery {

struct MatrixView {
  const float* data;
  std::size_t rows;
  std::size_t columns;
  std::size_t stride;
};

// y (batch x w.rows) = x (batch x w.columns) * w^T
void multiply_transposed(const MatrixView& x, const MatrixView& w, float* y, std::size_t y_stride);

// y (batch x w.columns) = x (batch x w.rows) * w
void multiply(const MatrixView& x, const MatrixView& w, float* y, std::size_t y_stride);

// Version of the library behind the products.
std::string eigen_version();

}  // namespace mho::periphery
