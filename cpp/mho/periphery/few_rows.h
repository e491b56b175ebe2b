// Products of a few vectors, as when a network is trained with small batches: a library packs the whole matrix for
// them, and takes its time to multiply zeros.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "mho/periphery/gemm.h"
#include "mho/simd/simd.h"

namespace mho::periphery {

// Where sixteen lanes are one register, up to so many vectors are multiplied here.
#if defined(__AVX512F__)
inline constexpr std::size_t few_rows = 5;
#else
inline constexpr std::size_t few_rows = 0;
#endif

namespace detail {

// y = x w for `rows` rows of x, of which only the columns that are listed are not zero; sixteen lanes times `wide`
// columns of w at a time. Each sum is taken in the order of the list.
template <std::size_t rows, std::size_t wide>
void multiply_rows(const MatrixView& x, const MatrixView& w, const std::vector<std::uint32_t>& listed, float* y,
                   std::size_t y_stride) {
  using simd::F32;
  constexpr std::size_t width = 16 * wide;
  for (std::size_t first = 0; first < w.columns; first += width) {
    F32 sum[rows][wide];
    for (auto& row : sum) std::fill_n(row, wide, F32(0.0F));
    const std::size_t columns = std::min(width, w.columns - first);
    for (const std::uint32_t k : listed) {
      const float* source = w.data + k * w.stride + first;
      // What follows the last column may belong to nobody.
      float tail[width] = {};
      if (columns < width) source = static_cast<float*>(std::memcpy(tail, source, columns * sizeof(float)));
      F32 line[wide];
      for (std::size_t c = 0; c < wide; ++c) line[c] = F32::load(source + 16 * c);
      for (std::size_t r = 0; r < rows; ++r) {
        const F32 factor(x.data[r * x.stride + k]);
        for (std::size_t c = 0; c < wide; ++c) sum[r][c] = simd::fma(factor, line[c], sum[r][c]);
      }
    }
    for (std::size_t r = 0; r < rows; ++r) {
      float full[width];
      for (std::size_t c = 0; c < wide; ++c) sum[r][c].store(full + 16 * c);
      std::memcpy(y + r * y_stride + first, full, columns * sizeof(float));
    }
  }
}

}  // namespace detail

// y (batch x w.columns) = x (batch x w.rows) * w, of few_rows rows at most.
inline void multiply_few(const MatrixView& x, const MatrixView& w, float* y, std::size_t y_stride) {
  std::vector<std::uint32_t> listed;
  listed.reserve(x.columns);
  for (std::size_t k = 0; k < x.columns; ++k) {
    bool zero = true;
    for (std::size_t r = 0; r < x.rows; ++r) zero = zero && x.data[r * x.stride + k] == 0;
    if (!zero) listed.push_back(static_cast<std::uint32_t>(k));
  }
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    // As many sums as there are registers for.
    ((x.rows == i + 1 ? detail::multiply_rows < i + 1, i<3 ? 8 : 4>(x, w, listed, y, y_stride) : void()), ...);
  }(std::make_index_sequence<few_rows>{});
}

}  // namespace mho::periphery
