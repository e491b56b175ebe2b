// The only translation unit with Eigen in it.
#include "mho/periphery/gemm.h"

#include <Eigen/Core>

namespace mho::periphery {

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using ResultMap = Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using ConstVector = Eigen::Map<const Eigen::VectorXf>;
using ResultVector = Eigen::Map<Eigen::VectorXf>;

Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }

ConstMap map(const MatrixView& m) {
  return {m.data, index(m.rows), index(m.columns), Eigen::OuterStride<>(index(m.stride))};
}

}  // namespace

void multiply_transposed(const MatrixView& x, const MatrixView& w, float* y, std::size_t y_stride) {
  if (x.rows == 1) {
    ResultVector(y, index(w.rows)).noalias() = map(w) * ConstVector(x.data, index(x.columns));
    return;
  }
  ResultMap(y, index(x.rows), index(w.rows), Eigen::OuterStride<>(index(y_stride))).noalias() =
      map(x) * map(w).transpose();
}

void multiply(const MatrixView& x, const MatrixView& w, float* y, std::size_t y_stride) {
  if (x.rows == 1) {
    ResultVector(y, index(w.columns)).noalias() = map(w).transpose() * ConstVector(x.data, index(x.columns));
    return;
  }
  ResultMap(y, index(x.rows), index(w.columns), Eigen::OuterStride<>(index(y_stride))).noalias() = map(x) * map(w);
}

std::string eigen_version() {
  return std::to_string(EIGEN_MAJOR_VERSION) + "." + std::to_string(EIGEN_MINOR_VERSION) + "." +
         std::to_string(EIGEN_PATCH_VERSION);
}

}  // namespace mho::periphery
