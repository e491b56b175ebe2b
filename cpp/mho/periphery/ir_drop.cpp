#include "mho/periphery/ir_drop.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "mho/simd/unrolled.h"

namespace mho::periphery {

namespace {

using simd::F32;
using simd::unrolled;

constexpr std::size_t lanes = 16;
// Vectors that go through the weights together: their sums are all in registers.
constexpr std::size_t most_together = 4;

// The weights of sixteen lines side by side, one input after the other, and zeros behind the last line.
RawVector<float> pack(const MatrixView& w) {
  const std::size_t groups = (w.columns + lanes - 1) / lanes;
  RawVector<float> packed(groups * w.rows * lanes);
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t first = group * lanes;
    const std::size_t count = std::min(lanes, w.columns - first);
    float* target = packed.data() + first * w.rows;
    for (std::size_t j = 0; j < w.rows; ++j, target += lanes) {
      const float* source = w.data + j * w.stride + first;
      if (count == lanes) {
        F32::load(source).store(target);
      } else {
        std::fill(std::copy_n(source, count, target), target + lanes, 0.0F);
      }
    }
  }
  return packed;
}

// Some vectors, and their magnitudes. Rows that began a power of two apart would share few places of the cache.
class Together {
 public:
  explicit Together(std::size_t inputs)
      : inputs_(inputs), stride_(inputs + lanes), values_(2 * most_together * stride_) {}

  void take(const MatrixView& x, std::size_t first, std::size_t count) {
    for (std::size_t r = 0; r < count; ++r) {
      const float* source = x.data + (first + r) * x.stride;
      float* value = values_.data() + r * stride_;
      float* magnitude = value + most_together * stride_;
      for (std::size_t j = 0; j < inputs_; ++j) {
        value[j] = source[j];
        magnitude[j] = std::fabs(source[j]);
      }
    }
  }

  // The sums of sixteen lines.
  //
  // 1 - p_j = (n - j)^2 / n^2 needs no product with each current: after the last of n inputs, the sum of all partial
  // sums has the current of input j (n - j) times, and that of all their partial sums (n - j) (n - j + 1) / 2 times.
  // Processors have units that only add, beside those that multiply.
  template <std::size_t count> void sum(const float* weights, const std::array<F32*, 3>& result) const {
    F32 current[count];
    F32 magnitude[count];
    F32 once[count];
    F32 twice[count];
    unrolled<count>([&](auto r)
                        __attribute__((always_inline)) { current[r] = magnitude[r] = once[r] = twice[r] = F32(0.0F); });
    const std::size_t stride = stride_;
    const float* const value = values_.data();
    const float* const absolute = value + most_together * stride;
    for (std::size_t j = 0; j < inputs_; ++j) {
      const F32 w = F32::load(weights + lanes * j);
      const F32 size = abs(w);
      unrolled<count>([&](auto r) __attribute__((always_inline)) {
        current[r] = simd::fma(F32(value[r * stride + j]), w, current[r]);
        magnitude[r] = simd::fma(F32(absolute[r * stride + j]), size, magnitude[r]);
        once[r] = once[r] + current[r];
        twice[r] = twice[r] + once[r];
      });
    }
    const F32 part(1.0F / (static_cast<float>(inputs_) * static_cast<float>(inputs_)));
    unrolled<count>([&](auto r) __attribute__((always_inline)) {
      result[0][r] = current[r];
      result[1][r] = magnitude[r];
      result[2][r] = simd::fnma(part, twice[r] + (twice[r] - once[r]), current[r]);
    });
  }

 private:
  std::size_t inputs_;
  std::size_t stride_;
  RawVector<float> values_;
};

// Sixteen lines of which only some exist.
void store(F32 values, std::size_t count, float* target) {
  if (count == lanes) {
    values.store(target);
    return;
  }
  float all[lanes];
  values.store(all);
  std::memcpy(target, all, count * sizeof(float));
}

}  // namespace

AlignedVector<float> wire_passed(std::size_t inputs) {
  AlignedVector<float> passed(inputs);
  for (std::size_t j = 0; j < inputs; ++j) {
    const double rest = 1 - static_cast<double>(j) / static_cast<double>(inputs);
    passed[j] = static_cast<float>(1 - rest * rest);
  }
  return passed;
}

void sum_with_ir_drop(const MatrixView& x, const MatrixView& w, const IrDropSums& sums) {
  const RawVector<float> packed = pack(w);
  Together vectors(w.rows);
  for (std::size_t first = 0; first < x.rows; first += most_together) {
    const std::size_t count = std::min(most_together, x.rows - first);
    vectors.take(x, first, count);
    for (std::size_t line = 0; line < w.columns; line += lanes) {
      F32 current[most_together];
      F32 magnitude[most_together];
      F32 passed[most_together];
      const std::array<F32*, 3> result{current, magnitude, passed};
      const float* weights = packed.data() + line * w.rows;
      unrolled<most_together>([&](auto i) {
        if (count == i + 1) vectors.sum<i + 1>(weights, result);
      });
      const std::size_t here = std::min(lanes, w.columns - line);
      for (std::size_t r = 0; r < count; ++r) {
        const std::size_t row = first + r;
        store(current[r], here, sums.current + row * sums.current_stride + line);
        store(magnitude[r], here, sums.absolute + row * w.columns + line);
        store(passed[r], here, sums.passed + row * w.columns + line);
      }
    }
  }
}

void lose_ir_drop(float density, float strength, const float* absolute, const float* passed, std::size_t lines,
                  float* current) {
  for (std::size_t i = 0; i < lines; ++i) {
    const float a = density * absolute[i];
    const float c = a * (a * (0.05F * a - 0.2F) + 0.5F);
    current[i] -= strength * c * passed[i];
  }
}

}  // namespace mho::periphery
