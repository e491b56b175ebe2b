// What only one thread may use at a time.
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include "mho/error.h"

namespace mho::bindings {

// Marks something as in use for the life of a call; other threads are told so.
class Occupied {
 public:
  Occupied(std::atomic<bool>& busy, const char* what) : busy_(&busy) {
    if (busy.exchange(true, std::memory_order_acquire)) {
      fail_runtime(std::string("this ") + what + " is being used by another thread; one call at a time");
    }
  }
  Occupied(Occupied&& other) noexcept : busy_(std::exchange(other.busy_, nullptr)) {}
  Occupied(const Occupied&) = delete;
  Occupied& operator=(const Occupied&) = delete;
  Occupied& operator=(Occupied&&) = delete;
  ~Occupied() {
    if (busy_ != nullptr) busy_->store(false, std::memory_order_release);
  }

 private:
  std::atomic<bool>* busy_;
};

}  // namespace mho::bindings
