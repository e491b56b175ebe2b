// Plain loops in double precision, which products of floats fit into, whatever they are: the bits of a pair are the
// same at every SIMD level.
#include "mho/rule/low_rank.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace mho::rule {

namespace {

// Vectors of one length, one after the other.
class Vectors {
 public:
  Vectors(std::size_t count, std::size_t length) : length_(length), values_(count * length) {}
  Vectors(const std::vector<float>& values, std::size_t count)
      : length_(values.size() / count), values_(values.begin(), values.end()) {}

  [[nodiscard]] std::size_t count() const { return values_.size() / length_; }
  [[nodiscard]] std::size_t length() const { return length_; }
  double* operator[](std::size_t i) { return values_.data() + i * length_; }
  const double* operator[](std::size_t i) const { return values_.data() + i * length_; }

  void operator*=(double factor) {
    for (double& v : values_) v *= factor;
  }
  void store(std::vector<float>& to) const {
    std::ranges::transform(values_, to.begin(), [](double v) { return static_cast<float>(v); });
  }

 private:
  std::size_t length_;
  std::vector<double> values_;
};

// In eight partial sums, which compilers turn into vectors: the order depends on n alone.
template <class A, class B> double dot(const A* a, const B* b, std::size_t n) {
  std::array<double, 8> sums{};
  const std::size_t whole = n - n % sums.size();
  for (std::size_t i = 0; i < whole; i += sums.size()) {
    for (std::size_t k = 0; k < sums.size(); ++k)
      sums[k] += static_cast<double>(a[i + k]) * static_cast<double>(b[i + k]);
  }
  for (std::size_t i = whole; i < n; ++i) sums[i - whole] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

template <class Value> double norm(const Value* a, std::size_t n) { return std::sqrt(dot(a, a, n)); }

template <class Value> void add(double factor, const Value* a, std::size_t n, double* to) {
  for (std::size_t i = 0; i < n; ++i) to[i] += factor * static_cast<double>(a[i]);
}

// Takes from vector i its parts along those before it, and returns what length it has left.
double separate(Vectors& vectors, std::size_t i) {
  const std::size_t n = vectors.length();
  for (std::size_t j = 0; j < i; ++j) add(-dot(vectors[j], vectors[i], n), vectors[j], n, vectors[i]);
  return norm(vectors[i], n);
}

// In place of vector i: the axis of which the unit vectors before it have the least.
void point_elsewhere(Vectors& vectors, std::size_t i) {
  const std::size_t n = vectors.length();
  std::vector<double> share(n);
  for (std::size_t j = 0; j < i; ++j) {
    for (std::size_t axis = 0; axis < n; ++axis) share[axis] += vectors[j][axis] * vectors[j][axis];
  }
  std::fill_n(vectors[i], n, 0.0);
  vectors[i][std::ranges::min_element(share) - share.begin()] = 1;
}

// Orthonormal vectors, no more than they have elements, of which the first i span the first i of the argument where
// those are independent. None points away from its own, so that vectors that change little give vectors that change
// little. Modified Gram-Schmidt; the second time takes away what the first left by rounding (Giraud et al. 2005).
Vectors orthonormal(Vectors vectors) {
  for (std::size_t i = 0; i < vectors.count(); ++i) {
    const double once = separate(vectors, i);
    double length = separate(vectors, i);
    if (!(length > once / 2)) {  // nothing but rounding: it depends on those before it
      point_elsewhere(vectors, i);
      separate(vectors, i);
      length = separate(vectors, i);
    }
    std::for_each_n(vectors[i], vectors.length(), [&](double& v) { v /= length; });
  }
  return vectors;
}

// The products of each row with each of the vectors.
Vectors products(const float* rows, std::size_t count, const Vectors& vectors) {
  Vectors result(count, vectors.count());
  for (std::size_t s = 0; s < count; ++s) {
    for (std::size_t i = 0; i < vectors.count(); ++i) {
      result[s][i] = dot(rows + s * vectors.length(), vectors[i], vectors.length());
    }
  }
  return result;
}

// Adds factor * sum_s weights_si row_s to each vector i.
void add_sums(double factor, const Vectors& weights, const float* rows, Vectors& to) {
  for (std::size_t s = 0; s < weights.count(); ++s) {
    for (std::size_t i = 0; i < to.count(); ++i) {
      add(factor * weights[s][i], rows + s * to.length(), to.length(), to[i]);
    }
  }
}

// Where the errors have nothing along a vector, it begins anew from one of them.
Vectors started(Vectors vectors, const float* errors, std::size_t count) {
  const Vectors along = products(errors, count, vectors);
  for (std::size_t i = 0; i < vectors.count(); ++i) {
    bool nothing = true;
    for (std::size_t s = 0; s < count; ++s) nothing = nothing && along[s][i] == 0;
    if (nothing) std::copy_n(errors + i % count * vectors.length(), vectors.length(), vectors[i]);
  }
  return orthonormal(std::move(vectors));
}

}  // namespace

void stream_pairs(const Samples& samples, std::size_t block, Pairs& pairs) {
  Vectors x_mean(pairs.rank, samples.in);
  Vectors d_mean(pairs.rank, samples.out);
  Vectors x_unit = x_mean;
  Vectors d_unit(pairs.d, pairs.rank);
  std::ranges::fill(pairs.strength, 0.0);
  for (std::size_t done = 0; done < samples.count;) {
    const std::size_t count = std::min(block, samples.count - done);
    const float* x = samples.x + done * samples.in;
    const float* d = samples.d + done * samples.out;
    if (done == 0) d_unit = started(d_unit, d, count);
    // Running means: j / (j + 1) of what was, and 1 / (j + 1) of what comes, for blocks of any size.
    const double share = 1 / static_cast<double>(done + count);
    const double kept = static_cast<double>(done) * share;
    x_mean *= kept;
    add_sums(share, products(d, count, d_unit), x, x_mean);
    x_unit = orthonormal(x_mean);
    const Vectors along_x = products(x, count, x_unit);
    d_mean *= kept;
    add_sums(share, along_x, d, d_mean);
    d_unit = orthonormal(d_mean);
    const Vectors along_d = products(d, count, d_unit);
    for (std::size_t i = 0; i < pairs.rank; ++i) {
      pairs.strength[i] *= kept;
      for (std::size_t s = 0; s < count; ++s) pairs.strength[i] += share * along_d[s][i] * along_x[s][i];
    }
    done += count;
  }
  x_unit.store(pairs.x);
  d_unit.store(pairs.d);
  // Of the sum of all samples.
  for (double& strength : pairs.strength) strength *= static_cast<double>(samples.count);
}

void iterate_pairs(const Samples& samples, std::size_t iterations, Pairs& pairs) {
  // From the inputs of the samples that weigh most.
  std::vector<double> weight(samples.count);
  for (std::size_t s = 0; s < samples.count; ++s) {
    weight[s] = norm(samples.x + s * samples.in, samples.in) * norm(samples.d + s * samples.out, samples.out);
  }
  std::vector<std::size_t> order(samples.count);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  Vectors x_pairs(pairs.rank, samples.in);
  for (std::size_t i = 0; i < std::min(pairs.rank, samples.count); ++i) {
    std::copy_n(samples.x + order[i] * samples.in, samples.in, x_pairs[i]);
  }
  Vectors d_unit(pairs.rank, samples.out);
  for (std::size_t n = 0; n < iterations; ++n) {
    Vectors d_pairs(pairs.rank, samples.out);
    add_sums(1, products(samples.x, samples.count, orthonormal(x_pairs)), samples.d, d_pairs);
    d_unit = orthonormal(std::move(d_pairs));
    x_pairs = Vectors(pairs.rank, samples.in);
    add_sums(1, products(samples.d, samples.count, d_unit), samples.x, x_pairs);
  }
  for (std::size_t i = 0; i < pairs.rank; ++i) {
    pairs.strength[i] = norm(x_pairs[i], samples.in);
    if (pairs.strength[i] > 0) {
      std::for_each_n(x_pairs[i], samples.in, [&](double& v) { v /= pairs.strength[i]; });
    }
  }
  x_pairs.store(pairs.x);
  d_unit.store(pairs.d);
}

}  // namespace mho::rule
