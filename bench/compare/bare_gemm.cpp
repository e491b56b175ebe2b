// The product of a forward read and nothing else: y = x w^T, as the engine asks Eigen for it.
#include <Eigen/Core>

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

extern "C" void bare_gemm(const float* x, const float* w, float* y, long batch, long in, long out) {
  Eigen::Map<Matrix>(y, batch, out).noalias() =
      Eigen::Map<const Matrix>(x, batch, in) * Eigen::Map<const Matrix>(w, out, in).transpose();
}
