// Loops of a few turns, written out.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace mho::simd {

// f(0), f(1), ... with constants: what an array holds for each stays in a register.
template <std::size_t count, class Function> [[gnu::always_inline]] inline void unrolled(Function&& f) {
  [&]<std::size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<std::size_t, i>{}), ...);
  }(std::make_index_sequence<count>{});
}

}  // namespace mho::simd
