// Products of vectors that are few, or have many zeros in common, as images have: a library packs the whole matrix for
// them, and takes its time to multiply zeros.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "mho/aligned.h"
#include "mho/periphery/gemm.h"
#include "mho/simd/simd.h"
#include "mho/simd/unrolled.h"

namespace mho::periphery {

namespace detail {

// As many sums as there are registers for.
inline constexpr std::size_t most_rows = 5;
#if defined(__AVX512F__)
template <std::size_t rows> inline constexpr std::size_t registers_wide = rows <= 3 ? 8 : 4;
#else
template <std::size_t rows> inline constexpr std::size_t registers_wide = rows == 1 ? 4 : rows == 2 ? 2 : 1;
#endif

// Columns of x that are not all zero in a few of its rows, and the values there, row by row.
struct ListedRows {
  std::size_t first, rows;
  std::span<const std::uint32_t> columns;
  const float* values;
  std::size_t stride;  // from the values of a row to those of the next
};

// Columns first ... of y = x w, for some rows of x. Each sum is taken in the order of the list.
template <std::size_t rows, std::size_t wide>
[[gnu::noinline]] void multiply_block(const ListedRows& x, const MatrixView& w, std::size_t first, float* y,
                                      std::size_t y_stride) {
  using simd::F32;
  using simd::unrolled;
  constexpr std::size_t width = 16 * wide;
  const std::size_t columns = std::min(width, w.columns - first);
  // More columns than there are belong to the next row, and behind the last one to nobody.
  const std::size_t end = (w.rows - 1) * w.stride + w.columns;
  float tail[width] = {};
  F32 sum[rows * wide];
  unrolled<rows * wide>([&](auto i) __attribute__((always_inline)) { sum[i] = F32(0.0F); });
  const std::size_t count = x.columns.size();
  const std::uint32_t* const listed = x.columns.data();
  const float* const values = x.values;
  const std::size_t stride = x.stride;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = listed[i] * w.stride + first;
    const float* source = w.data + at;
    if (at + width > end) [[unlikely]]
      source = static_cast<float*>(std::memcpy(tail, source, columns * sizeof(float)));
    F32 line[wide];
    unrolled<wide>([&](auto c) __attribute__((always_inline)) { line[c] = F32::load(source + 16 * c); });
    unrolled<rows>([&](auto r) __attribute__((always_inline)) {
      const F32 factor(values[r * stride + i]);
      unrolled<wide>([&](auto c) __attribute__((always_inline)) {
        sum[r * wide + c] = simd::fma(factor, line[c], sum[r * wide + c]);
      });
    });
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
void multiply_rows(const ListedRows& x, const MatrixView& w, std::size_t first, std::size_t end, float* y,
                   std::size_t y_stride) {
  constexpr std::size_t wide = registers_wide<rows>;
  for (; first < end; first += 16 * wide) {
    multiply_block<rows, wide>(x, w, first, y + x.first * y_stride, y_stride);
  }
}

}  // namespace detail

// Vectors, a few at a time, by their columns that are not all zero, ready to be multiplied with matrices.
class ListedVectors {
 public:
  // Nothing where the library is faster, as measured; it depends on the vectors alone. The library packs the matrix for
  // two rows or more, which takes it as long as some rows do.
  static std::optional<ListedVectors> choose([[maybe_unused]] const MatrixView& x) {
#if defined(__AVX2__)
    // The fewer vectors are taken together, the fewer zeros of one are multiplied because of another.
    ListedVectors listed(x, x.rows <= detail::most_rows ? x.rows : 2, most_products(x));
    if (listed.complete_) return listed;
#endif
    return std::nullopt;
  }

  // So many rows are taken together, 5 at most. The list ends, incomplete, where it has led to more products than that
  // with each column of a matrix.
  ListedVectors(const MatrixView& x, std::size_t together, std::size_t most = std::numeric_limits<std::size_t>::max())
      : stride_(x.columns + 16), columns_((x.rows + together - 1) / together * stride_), values_(x.rows * stride_) {
    for (std::size_t first = 0; first < x.rows; first += together) {
      const std::size_t rows = std::min(together, x.rows - first);
      std::uint32_t* const columns = columns_.data() + groups_.size() * stride_;
      const std::size_t found = list(x, first, rows, columns);
      groups_.push_back({first, rows, {columns, found}, values_.data() + first * stride_, stride_});
      if (found * rows > most) {
        complete_ = false;
        return;
      }
      most -= found * rows;
    }
  }

  ListedVectors(ListedVectors&&) = default;
  ListedVectors& operator=(ListedVectors&&) = default;

  // y (rows x w.columns) = x (rows x w.rows) * w
  void multiply(const MatrixView& w, float* y, std::size_t y_stride) const {
    // Columns that are in the cache together, for all rows.
    constexpr std::size_t stripe = 16 * detail::registers_wide<1>;
    for (std::size_t first = 0; first < w.columns; first += stripe) {
      const std::size_t end = std::min(first + stripe, w.columns);
      for (const detail::ListedRows& group : groups_) {
        [&]<std::size_t... i>(std::index_sequence<i...>) {
          (void)((group.rows == i + 1 && (detail::multiply_rows<i + 1>(group, w, first, end, y, y_stride), true)) ||
                 ...);
        }(std::make_index_sequence<detail::most_rows>{});
      }
    }
  }

 private:
  static std::size_t most_products(const MatrixView& x) {
#if defined(__AVX512F__)
    return x.rows <= detail::most_rows ? x.columns * x.rows : x.columns * (16 + 5 * x.rows) / 8;
#else
    if (x.rows == 1) return x.columns / 2;
    if (x.rows <= detail::most_rows) return x.columns * (13 + x.rows) / 3;
    return 4 * x.columns * (8 + x.rows) / 9;
#endif
  }

  // Lists the columns in which one of the rows is not zero, and its values there.
  std::size_t list(const MatrixView& x, std::size_t first_row, std::size_t rows, std::uint32_t* columns) {
    using simd::U32;
    const float* const source = x.data + first_row * x.stride;
    float* const values = values_.data() + first_row * stride_;
    std::size_t found = 0;
    for (std::size_t first = 0; first < x.columns; first += 16) {
      const std::size_t count = std::min<std::size_t>(16, x.columns - first);
      U32 value[detail::most_rows];
      U32 bits(0U);
      for (std::size_t r = 0; r < rows; ++r) {
        float tail[16] = {};
        const float* at = source + r * x.stride + first;
        if (count < 16) at = static_cast<float*>(std::memcpy(tail, at, count * sizeof(float)));
        value[r] = simd::as_u32(simd::F32::load(at));
        bits = bits | value[r];
      }
      const auto nonzero = simd::nonzero(simd::shift_left<1>(bits));  // of either sign
      for (std::size_t r = 0; r < rows; ++r) {
        (void)simd::compress_store(values + r * stride_ + found, simd::as_f32(value[r]), nonzero);
      }
      const U32 numbers = simd::lane_index() + U32(static_cast<std::uint32_t>(first));
      found += simd::compress_store(columns + found, numbers, nonzero);
    }
    return found;
  }

  std::size_t stride_;
  RawVector<std::uint32_t> columns_;
  RawVector<float> values_;
  std::vector<detail::ListedRows> groups_;
  bool complete_ = true;
};

}  // namespace mho::periphery
