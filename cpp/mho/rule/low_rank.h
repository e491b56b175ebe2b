// A few orthogonal pairs of vectors that stand for the summed outer products of a batch, sum_s d_s x_s^T.
#pragma once

#include <cstddef>
#include <vector>

namespace mho::rule {

// The samples of a batch, one after the other.
struct Samples {
  const float* x;  // count x in
  const float* d;  // count x out
  std::size_t count, in, out;
};

// Unit vectors: what they stand for is sum_i strength_i d_i x_i^T.
struct Pairs {
  std::size_t rank;
  std::vector<float> x;          // rank x in
  std::vector<float> d;          // rank x out, orthogonal to each other
  std::vector<double> strength;  // rank
};

// One pass over the samples, with memory for the pairs and for `block` samples, which go by between two
// orthonormalisations (Hoskins et al. 2019). On entry the pairs are those of the batch before, or all zero.
void stream_pairs(const Samples& samples, std::size_t block, Pairs& pairs);

// Subspace iteration on the stored samples, which forgets what the pairs were: exact where the samples span no more
// dimensions than there are pairs, and else the nearest that so many pairs can be, as the iteration converges.
void iterate_pairs(const Samples& samples, std::size_t iterations, Pairs& pairs);

}  // namespace mho::rule
