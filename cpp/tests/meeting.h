// Whether two threads are ever at work at the same time: nobody promises that in a single try, as either may be late.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace mho::tests {

class Meeting {
 public:
  // Stays a while, for another thread to come.
  void attend() {
    const auto started = std::chrono::steady_clock::now();
    ++inside_;
    while (!took_place_.load() && std::chrono::steady_clock::now() - started < std::chrono::milliseconds(10)) {
      if (inside_.load() >= 2) took_place_ = true;
      std::this_thread::yield();
    }
    --inside_;
  }
  [[nodiscard]] bool took_place() const { return took_place_.load(); }
  // Tries until two have met; says whether they have.
  template <class Attempt> bool arranged_by(Attempt&& attempt) {
    for (int tries = 0; tries < 300 && !took_place(); ++tries) attempt();
    return took_place();
  }

 private:
  std::atomic<int> inside_ = 0;
  std::atomic<bool> took_place_ = false;
};

}  // namespace mho::tests
