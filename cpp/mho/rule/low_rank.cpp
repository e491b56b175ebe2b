// Here and in the products of matrices (gemm.cpp) is Eigen. Its sums depend on the shapes alone.
#include "mho/rule/low_rank.h"

#include <Eigen/QR>
#include <algorithm>
#include <numeric>

namespace mho::rule {

namespace {

// Products of floats fit into doubles, whatever they are.
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Eigen::Index;

Index index(std::size_t n) { return static_cast<Index>(n); }

// Orthonormal columns, of which the first i span the first i of the argument where those are independent. None points
// away from its own column, so that columns that change little give columns that change little.
Matrix orthonormal(const Matrix& columns) {
  const Eigen::HouseholderQR<Matrix> qr(columns);
  Matrix q = qr.householderQ() * Matrix::Identity(columns.rows(), columns.cols());
  for (Index i = 0; i < columns.cols(); ++i) {
    if (qr.matrixQR()(i, i) < 0) q.col(i) = -q.col(i);
  }
  return q;
}

Matrix rows_of(const float* values, std::size_t count, std::size_t length) {
  return Eigen::Map<const Rows>(values, index(count), index(length)).cast<double>();
}

void store(const Matrix& columns, std::vector<float>& rows) {
  Eigen::Map<Rows>(rows.data(), columns.cols(), columns.rows()) = columns.transpose().cast<float>();
}

// Where the errors have nothing along a column, it begins anew from one of them.
Matrix started(Matrix columns, const Matrix& errors) {
  const Matrix along = errors * columns;
  for (Index i = 0; i < columns.cols(); ++i) {
    if (along.col(i).isZero(0)) columns.col(i) = errors.row(i % errors.rows()).transpose();
  }
  return orthonormal(columns);
}

}  // namespace

void stream_pairs(const Samples& samples, std::size_t block, Pairs& pairs) {
  const Index rank = index(pairs.rank);
  Matrix x_mean = Matrix::Zero(index(samples.in), rank);
  Matrix d_mean = Matrix::Zero(index(samples.out), rank);
  Matrix x_unit;
  Matrix d_unit = rows_of(pairs.d.data(), pairs.rank, samples.out).transpose();
  Vector strength = Vector::Zero(rank);
  for (std::size_t done = 0; done < samples.count;) {
    const std::size_t count = std::min(block, samples.count - done);
    const Matrix x = rows_of(samples.x + done * samples.in, count, samples.in);
    const Matrix d = rows_of(samples.d + done * samples.out, count, samples.out);
    if (done == 0) d_unit = started(d_unit, d);
    // Running means: j / (j + 1) of what was, and 1 / (j + 1) of what comes, for blocks of any size.
    const double share = 1 / static_cast<double>(done + count);
    const double kept = static_cast<double>(done) * share;
    x_mean = kept * x_mean + share * (x.transpose() * (d * d_unit));
    x_unit = orthonormal(x_mean);
    const Matrix along_x = x * x_unit;
    d_mean = kept * d_mean + share * (d.transpose() * along_x);
    d_unit = orthonormal(d_mean);
    strength = kept * strength + share * (d * d_unit).cwiseProduct(along_x).colwise().sum().transpose();
    done += count;
  }
  store(x_unit, pairs.x);
  store(d_unit, pairs.d);
  // Of the sum of all samples.
  Eigen::Map<Vector>(pairs.strength.data(), rank) = strength * static_cast<double>(samples.count);
}

void iterate_pairs(const Samples& samples, std::size_t iterations, Pairs& pairs) {
  const Matrix x = rows_of(samples.x, samples.count, samples.in);
  const Matrix d = rows_of(samples.d, samples.count, samples.out);
  // From the inputs of the samples that weigh most.
  std::vector<Index> order(samples.count);
  std::iota(order.begin(), order.end(), 0);
  const Vector weight = x.rowwise().norm().cwiseProduct(d.rowwise().norm());
  std::ranges::stable_sort(order, [&](Index a, Index b) { return weight[a] > weight[b]; });
  Matrix x_pairs = Matrix::Zero(index(samples.in), index(pairs.rank));
  for (Index i = 0; i < std::min(x_pairs.cols(), x.rows()); ++i) {
    x_pairs.col(i) = x.row(order[static_cast<std::size_t>(i)]).transpose();
  }
  Matrix d_unit;
  for (std::size_t n = 0; n < iterations; ++n) {
    d_unit = orthonormal(d.transpose() * (x * orthonormal(x_pairs)));
    x_pairs = x.transpose() * (d * d_unit);
  }
  const Vector strength = x_pairs.colwise().norm().transpose();
  Eigen::Map<Vector>(pairs.strength.data(), strength.size()) = strength;
  for (Index i = 0; i < x_pairs.cols(); ++i) {
    if (strength[i] > 0) x_pairs.col(i) /= strength[i];
  }
  store(x_pairs, pairs.x);
  store(d_unit, pairs.d);
}

}  // namespace mho::rule
