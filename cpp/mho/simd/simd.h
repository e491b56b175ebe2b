// The one wrapper that kernels use: sixteen 32-bit lanes, whatever the registers of the machine are.
//
// Sixteen is the width of the engine's logical lane groups, so results never depend on the hardware width. A port to
// another instruction set is one more file beside avx512.h and portable.h.
#pragma once

#include <cstdint>

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VPOPCNTDQ__)
#include "mho/simd/avx512.h"
#else
#include "mho/simd/portable.h"
#endif

namespace mho::simd {

inline constexpr int lanes = 16;

// The types of sixteen lanes, for code that is written once for these and for one (simd/single.h).
struct Wide {
  using F = F32;
  using U = U32;
  using M = Mask;
};

[[gnu::always_inline]] inline F32 clamp(F32 a, F32 low, F32 high) { return max(min(a, high), low); }

inline U32 lane_index() {
  alignas(64) static constexpr std::uint32_t index[lanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return U32::load(index);
}

}  // namespace mho::simd
