// Products of vectors that are few, or have many zeros in common, as images have: a library packs the whole matrix for
// them, and takes its time to multiply zeros.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "mho/periphery/gemm.h"
#include "mho/simd/simd.h"
#include "mho/simd/unrolled.h"

namespace mho::periphery {

// The columns in which any of the rows is not zero.
inline std::vector<std::uint32_t> nonzero_columns(const MatrixView& x) {
  using simd::U32;
  std::vector<std::uint32_t> listed(x.columns + 16);
  std::size_t found = 0;
  for (std::size_t first = 0; first < x.columns; first += 16) {
    const std::size_t count = std::min<std::size_t>(16, x.columns - first);
    U32 bits(0U);
    for (std::size_t r = 0; r < x.rows; ++r) {
      const float* source = x.data + r * x.stride + first;
      float tail[16] = {};
      if (count < 16) source = static_cast<float*>(std::memcpy(tail, source, count * sizeof(float)));
      bits = bits | simd::as_u32(simd::F32::load(source));
    }
    const U32 columns = simd::lane_index() + U32(static_cast<std::uint32_t>(first));
    const auto nonzero = simd::nonzero(simd::shift_left<1>(bits));  // of either sign
    found += simd::compress_store(listed.data() + found, columns, nonzero);
  }
  listed.resize(found);
  return listed;
}

namespace detail {

// As many sums as there are registers for.
inline constexpr std::size_t most_rows = 5;
#if defined(__AVX512F__)
template <std::size_t rows> inline constexpr std::size_t registers_wide = rows <= 3 ? 8 : 4;
#else
template <std::size_t rows> inline constexpr std::size_t registers_wide = rows <= 2 ? 2 : 1;
#endif

// Columns first ... of y = x w, for rows of x whose listed columns are given one after the other, `stride` values
// apart. Each sum is taken in the order of the list.
template <std::size_t rows, std::size_t wide>
[[gnu::noinline]] void multiply_block(const float* factors, std::size_t stride,
                                      const std::vector<std::uint32_t>& listed, const MatrixView& w, std::size_t first,
                                      float* y, std::size_t y_stride) {
  using simd::F32;
  using simd::unrolled;
  constexpr std::size_t width = 16 * wide;
  const std::size_t columns = std::min(width, w.columns - first);
  // More columns than there are belong to the next row, and behind the last one to nobody.
  const std::size_t end = (w.rows - 1) * w.stride + w.columns;
  float tail[width] = {};
  F32 sum[rows * wide];
  unrolled<rows * wide>([&](auto i) __attribute__((always_inline)) { sum[i] = F32(0.0F); });
  for (const std::uint32_t k : listed) {
    const std::size_t at = k * w.stride + first;
    const float* source = w.data + at;
    if (at + width > end) [[unlikely]]
      source = static_cast<float*>(std::memcpy(tail, source, columns * sizeof(float)));
    F32 line[wide];
    unrolled<wide>([&](auto c) __attribute__((always_inline)) { line[c] = F32::load(source + 16 * c); });
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
      const F32 factor(factors[r]);
      unrolled<wide>([&](auto c) __attribute__((always_inline)) {
        sum[r * wide + c] = simd::fma(factor, line[c], sum[r * wide + c]);
      });
    });
    factors += stride;
  }
  unrolled<rows>([&](auto r) __attribute__((always_inline)) {
    float full[width];
    float* const target = y + r * y_stride + first;
    float* const whole = columns == width ? target : full;
    unrolled<wide>([&](auto c) __attribute__((always_inline)) { sum[r * wide + c].store(whole + 16 * c); });
    if (columns < width) std::memcpy(target, full, columns * sizeof(float));
  });
}

template <std::size_t rows>
void multiply_rows(const float* factors, std::size_t stride, const std::vector<std::uint32_t>& listed,
                   const MatrixView& w, std::size_t first, std::size_t end, float* y, std::size_t y_stride) {
  constexpr std::size_t wide = registers_wide<rows>;
  for (; first < end; first += 16 * wide) multiply_block<rows, wide>(factors, stride, listed, w, first, y, y_stride);
}

}  // namespace detail

// Vectors by their columns that are not all zero, ready to be multiplied with matrices.
class ListedVectors {
 public:
  // Nothing where the library is faster, as measured; it depends on the vectors alone.
  static std::optional<ListedVectors> choose([[maybe_unused]] const MatrixView& x) {
#if defined(__AVX512F__)
    if (x.rows <= 5) return ListedVectors(x, nonzero_columns(x));
#elif defined(__AVX2__)
    // The library packs the matrix for two rows or more, which takes it as long as a dozen rows do.
    std::vector<std::uint32_t> listed = nonzero_columns(x);
    const bool few =
        x.rows == 1 ? 2 * listed.size() <= x.columns : 3 * listed.size() * x.rows <= x.columns * (13 + x.rows);
    if (few) return ListedVectors(x, std::move(listed));
#endif
    return std::nullopt;
  }

  ListedVectors(const MatrixView& x, std::vector<std::uint32_t> listed)
      : rows_(x.rows), listed_(std::move(listed)), factors_(listed_.size() * x.rows) {
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t i = 0; i < listed_.size(); ++i) factors_[i * rows_ + r] = x.data[r * x.stride + listed_[i]];
    }
  }

  // y (rows x w.columns) = x (rows x w.rows) * w
  void multiply(const MatrixView& w, float* y, std::size_t y_stride) const {
    // Columns that are in the cache together, for all rows.
    constexpr std::size_t stripe = 16 * detail::registers_wide<1>;
    for (std::size_t first = 0; first < w.columns; first += stripe) {
      const std::size_t end = std::min(first + stripe, w.columns);
      std::size_t r = 0;
      const auto take = [&]<std::size_t rows>() {
        for (; r + rows <= rows_; r += rows) {
          detail::multiply_rows<rows>(factors_.data() + r, rows_, listed_, w, first, end, y + r * y_stride, y_stride);
        }
      };
      [&]<std::size_t... i>(std::index_sequence<i...>) {
        (take.template operator()<detail::most_rows - i>(), ...);
      }(std::make_index_sequence<detail::most_rows>{});
    }
  }

 private:
  std::size_t rows_;
  std::vector<std::uint32_t> listed_;
  std::vector<float> factors_;  // of each listed column, those of all rows
};

}  // namespace mho::periphery
