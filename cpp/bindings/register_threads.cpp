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
std::atomic<bool> forked{false};
}  // namespace

int current_threads() {
  return forked.load(std::memory_order_relaxed) ? 1 : requested_threads.load(std::memory_order_relaxed);
}

void register_threads(py::module_& m) {
#if defined(__unix__) || defined(__APPLE__)
  pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); });
#endif
  m.def(
      "set_num_threads",
      [](int n) {
        if (n < 1 || n > max_threads) {
          fail_value("num_threads must be in [1, " + std::to_string(max_threads) + "], got " + std::to_string(n));
        }
        requested_threads.store(n, std::memory_order_relaxed);
      },
      py::arg("n"));
  m.def("get_num_threads", &current_threads);
}

}  // namespace mho::bindings
