// Loops over independent pieces of work. What a piece computes never depends on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>

namespace mho {

// How many threads a call may use. What it computes never depends on that.
struct Threads {
  // Waking a thread that sleeps, and waiting for it at the end, costs about as much as this much work of one thread.
  static constexpr double worthwhile_nanoseconds = 1.4e5;

  int count;
  bool always;  // even for work that is not worth it, so that tests have threads everywhere

  Threads(int n = 1, bool always_shared = false) : count(n), always(always_shared) {}

  // Those for work that would take one of them about so long: all, or only the one that is there.
  [[nodiscard]] Threads for_work(double nanoseconds) const {
    return always || nanoseconds >= worthwhile_nanoseconds ? *this : Threads(1);
  }
};

// Calls body(i) for i in [0, count), on as many threads as it may. The first exception is thrown again in the caller.
template <class Body> void parallel_for(Threads allowed, std::size_t count, Body&& body) {
  const auto signed_count = static_cast<std::ptrdiff_t>(count);
  const auto threads = static_cast<int>(std::min<std::ptrdiff_t>(allowed.count, signed_count));
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
