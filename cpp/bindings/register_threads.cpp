#include <atomic>

#include "bindings.h"
#include "mho/error.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace mho::bindings {

namespace {
constexpr int max_threads = 1024;
std::atomic<int> requested_threads{1};
std::atomic<bool> always{false};
std::atomic<bool> forked{false};
}  // namespace

Threads current_threads() {
  if (forked.load(std::memory_order_relaxed)) return 1;
  return {requested_threads.load(std::memory_order_relaxed), always.load(std::memory_order_relaxed)};
}

void register_threads(py::module_& m) {
#if defined(__unix__) || defined(__APPLE__)
  pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); });
#endif
  m.def(
      "set_num_threads",
      [](int n, bool even_for_little_work) {
        if (n < 1 || n > max_threads) {
          fail_value("num_threads must be in [1, " + std::to_string(max_threads) + "], got " + std::to_string(n));
        }
        requested_threads.store(n, std::memory_order_relaxed);
        always.store(even_for_little_work, std::memory_order_relaxed);
      },
      py::arg("n"), py::arg("always") = false);
  m.def("get_num_threads", [] { return current_threads().count; });
}

}  // namespace mho::bindings
