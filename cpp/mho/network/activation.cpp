#include "mho/network/activation.h"

#include <algorithm>
#include <cstddef>

#include "mho/error.h"
#include "mho/simd/math.h"
#include "mho/simd/simd.h"

namespace mho::network {

namespace {

using simd::F32;

// target = function(sources...), sixteen at a time. The last ones are padded, so that the bits of a result do not
// depend on its place.
template <class Function, class... Source>
void map(std::size_t n, float* target, Function&& function, const Source*... sources) {
  std::size_t i = 0;
  for (; i + simd::lanes <= n; i += simd::lanes) function(F32::load(sources + i)...).store(target + i);
  if (i == n) return;
  const auto padded = [&](const float* source) {
    float lanes[simd::lanes] = {};
    std::copy(source + i, source + n, lanes);
    return F32::load(lanes);
  };
  float lanes[simd::lanes];
  function(padded(sources)...).store(lanes);
  std::copy(lanes, lanes + (n - i), target + i);
}

}  // namespace

Activation::Activation(const std::string& function) {
  if (function == "sigmoid") {
    function_ = Function::sigmoid;
  } else if (function == "tanh") {
    function_ = Function::tanh;
  } else if (function == "relu") {
    function_ = Function::relu;
  } else {
    fail_value("an activation must be sigmoid, tanh or relu, got " + function);
  }
}

void Activation::forward(const array::Batch& x, float* y, const Reading& /*reading*/) {
  const std::size_t n = x.samples * x.features;
  switch (function_) {
    case Function::sigmoid:
      map(n, y, [](F32 v) { return simd::logistic(v); }, x.data);
      break;
    case Function::tanh:
      map(n, y, [](F32 v) { return simd::tanh(v); }, x.data);
      break;
    case Function::relu:
      // NaN stays.
      std::transform(x.data, x.data + n, y, [](float v) { return v < 0.0F ? 0.0F : v; });
      break;
  }
}

void Activation::backward(const array::Batch& d, const float* /*x*/, const float* y, float* dx,
                          const Reading& /*reading*/) {
  const std::size_t n = d.samples * d.features;
  switch (function_) {
    case Function::sigmoid:
      for (std::size_t i = 0; i < n; ++i) dx[i] = (y[i] - y[i] * y[i]) * d.data[i];
      break;
    case Function::tanh:
      for (std::size_t i = 0; i < n; ++i) dx[i] = (1.0F - y[i] * y[i]) * d.data[i];
      break;
    case Function::relu:
      for (std::size_t i = 0; i < n; ++i) dx[i] = y[i] > 0.0F ? d.data[i] : 0.0F;
      break;
  }
}

}  // namespace mho::network
