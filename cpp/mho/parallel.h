// Loops over independent pieces of work. What a piece computes never depends on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>

namespace mho {

// Calls body(i) for i in [0, count), on at most `threads` threads. The first exception is thrown again in the caller.
template <class Body> void parallel_for(int threads, std::size_t count, Body&& body) {
  const auto signed_count = static_cast<std::ptrdiff_t>(count);
  threads = static_cast<int>(std::min<std::ptrdiff_t>(threads, signed_count));
  if (threads <= 1) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
#ifdef _OPENMP
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (std::ptrdiff_t i = 0; i < signed_count; ++i) {
    try {
      body(static_cast<std::size_t>(i));
    } catch (...) {
#pragma omp critical(mho_parallel_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
#else
  for (std::size_t i = 0; i < count; ++i) body(i);
#endif
}

inline std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace mho
