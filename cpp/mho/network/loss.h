// Losses: means over the samples, with their gradients. Outputs y and gradients d are (samples x outputs).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace mho::network {

enum class Loss { cross_entropy, mean_squared_error };

struct Outputs {
  const float* y;
  std::size_t samples;
  std::size_t n;
};

// The first label that is none of 0 .. n - 1.
std::optional<std::int64_t> wrong_label(const std::int64_t* labels, std::size_t samples, std::size_t n);

// How many samples do not have the largest of their outputs at their label. Of equal ones the first counts, of those
// that are NaN the first too.
std::size_t count_errors(const Outputs& outputs, const std::int64_t* labels);

// Of the softmax, in nats. NaN, as the gradient, where the largest output of a sample is not finite. The labels are
// 0 .. n - 1.
double cross_entropy(const Outputs& outputs, const std::int64_t* labels, float* d);

// Mean over the outputs too. Labels stand for 1 at the right class and 0 elsewhere.
double mean_squared_error(const Outputs& outputs, const float* targets, float* d);
double mean_squared_error(const Outputs& outputs, const std::int64_t* labels, float* d);

}  // namespace mho::network
