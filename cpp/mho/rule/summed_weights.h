// What reads see of several arrays together: the weights of the main one, and shares of those of others.
#pragma once

#include <algorithm>
#include <cstddef>

#include "mho/aligned.h"
#include "mho/array/array.h"

namespace mho::rule {

class SummedWeights {
 public:
  // An array has changed.
  void change() { old_ = true; }

  // Those of an instance, summed up if they have changed: add(k, sum) adds to the weights of instance k, padded as
  // devices lie.
  template <class Add> const float* of(std::size_t instance, array::Array& main, Add&& add) {
    const array::Shape& shape = main.shape();
    if (old_) {
      sum_.resize(shape.instances * shape.plane());
      for (std::size_t k = 0; k < shape.instances; ++k) {
        float* sum = sum_.data() + k * shape.plane();
        std::copy_n(main.crosspoints().visible(k), shape.plane(), sum);
        add(k, sum);
      }
      old_ = false;
    }
    return sum_.data() + instance * shape.plane();
  }

 private:
  AlignedVector<float> sum_;
  bool old_ = true;
};

// Adds a share of other weights.
inline void add_share(float share, const float* other, std::size_t n, float* sum) {
  for (std::size_t i = 0; i < n; ++i) sum[i] += share * other[i];
}

}  // namespace mho::rule
