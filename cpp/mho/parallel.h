// Loops over independent pieces of work. What a piece computes never depends on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace mho {

// Threads that are awake for as long as a call takes that has many short loops. A loop is shared with whoever of them
// is there by then; nobody is waited for but those who work on it. The pieces of a loop may have loops of their own:
// who is done with the one, or waits for its last pieces, goes on with the others. While there is nothing to do they
// give way to others.
class Team {
 public:
  explicit Team(int members = 1)
      : members_(std::clamp<std::size_t>(static_cast<std::size_t>(members), 1, most)), places_(members_ + 1) {
    threads_[0] = std::this_thread::get_id();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Calls body(i) for i in [0, count).
  template <class Body> void run(std::size_t count, Body&& body) {
    Place* const place = free_place();
    if (place == nullptr) {
      for (std::size_t i = 0; i < count; ++i) body(i);
      return;
    }
    Loop loop;
    loop.parts = members_;
    for (std::size_t part = 0; part < members_; ++part) {
      loop.part[part].next = count * part / members_;
      loop.part[part].end = count * (part + 1) / members_;
    }
    // The type that it is cast back to below is const if this one is.
    loop.context = const_cast<void*>(static_cast<const void*>(&body));
    loop.call = [](void* context, std::size_t i) { (*static_cast<std::remove_reference_t<Body>*>(context))(i); };
    const std::size_t member = this_member();
    place->loop.store(&loop);
    (void)loop.work(member);
    place->loop.store(nullptr);
    for (Pause pause; place->inside.load() != 0;) {
      if (!work(member)) pause();
    }
    place->taken.store(false);
    if (loop.failure) std::rethrow_exception(loop.failure);
  }

  // What another thread, number 1 or above, does until the team is closed, or turns out not to be needed.
  void help(int number) {
    const std::size_t member = static_cast<std::size_t>(number) % members_;
    threads_[member] = std::this_thread::get_id();
    const auto started = std::chrono::steady_clock::now();
    bool needed = false;
    for (Pause pause; !closed_.load(std::memory_order_acquire);) {
      if (work(member)) {
        needed = true;
        pause = {};
      } else if (pause() && !needed && std::chrono::steady_clock::now() - started > patience) {
        return;
      }
    }
  }
  void close() { closed_.store(true, std::memory_order_release); }

 private:
  // Without a loop in this time there is likely none to come: none that is long enough to be shared.
  static constexpr std::chrono::milliseconds patience{2};

  // Waits a little, and lets others use the processor if it takes longer; says whether it has done so.
  class Pause {
   public:
    bool operator()() {
      if (++count_ % 64 == 0) {
        std::this_thread::yield();
        return true;
      }
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
      return false;
    }

   private:
    unsigned count_ = 0;
  };

  // Each member has a part of its own, so that from loop to loop it finds what it needs in its own caches, and goes on
  // with what the others have left of theirs.
  static constexpr std::size_t most = 64;
  struct alignas(64) Part {
    std::atomic<std::size_t> next{0};
    std::size_t end = 0;
  };

  struct Loop {
    std::size_t parts = 0;
    Part part[most];
    void* context = nullptr;
    void (*call)(void*, std::size_t) = nullptr;
    std::mutex failing;
    std::exception_ptr failure;

    // Takes indices as long as there are some; says whether there was one.
    bool work(std::size_t first) {
      bool worked = false;
      for (std::size_t k = 0; k < parts; ++k) {
        Part& from = part[(first + k) % parts];
        for (std::size_t i = from.next.fetch_add(1); i < from.end; i = from.next.fetch_add(1)) {
          worked = true;
          try {
            call(context, i);
          } catch (...) {
            const std::scoped_lock lock(failing);
            if (!failure) failure = std::current_exception();
          }
        }
      }
      return worked;
    }
  };

  // Where a loop is found by those who might share it. There are as many as can run at a time: one of pieces that have
  // loops, and a loop of each member.
  struct alignas(64) Place {
    std::atomic<bool> taken{false};
    std::atomic<Loop*> loop{nullptr};
    std::atomic<int> inside{0};
  };

  Place* free_place() {
    for (Place& place : places_) {
      if (!place.taken.exchange(true)) return &place;
    }
    return nullptr;
  }

  // Takes part in the loops that there are; says whether there was anything to do.
  bool work(std::size_t member) {
    bool worked = false;
    for (Place& place : places_) {
      if (place.loop.load(std::memory_order_relaxed) == nullptr) continue;
      // Who is inside is waited for; a loop that is still there after that does not go away before.
      place.inside.fetch_add(1);
      Loop* const loop = place.loop.load();
      if (loop != nullptr && loop->work(member)) worked = true;
      place.inside.fetch_sub(1);
    }
    return worked;
  }

  [[nodiscard]] std::size_t this_member() const {
    const std::thread::id id = std::this_thread::get_id();
    for (std::size_t member = 0; member < members_; ++member) {
      if (threads_[member].load(std::memory_order_relaxed) == id) return member;
    }
    return 0;
  }

  const std::size_t members_;
  std::vector<Place> places_;
  std::atomic<std::thread::id> threads_[most] = {};
  std::atomic<bool> closed_{false};
};

// How many threads a call may use. What it computes never depends on that.
struct Threads {
  // Waking a thread that sleeps, and waiting for it at the end, costs about as much as this much work of one thread. A
  // team is awake.
  static constexpr double worthwhile_nanoseconds = 1.4e5;
  static constexpr double worthwhile_for_a_team = 1e4;

  int count;
  bool always;           // even for work that is not worth it, so that tests have threads everywhere
  Team* team = nullptr;  // whose threads these are; without one they are woken for each loop

  Threads(int n = 1, bool always_shared = false) : count(n), always(always_shared) {}

  // Those for work that would take one of them about so long: all, or only the one that is there.
  [[nodiscard]] Threads for_work(double nanoseconds) const {
    return always || nanoseconds >= (team != nullptr ? worthwhile_for_a_team : worthwhile_nanoseconds) ? *this
                                                                                                       : Threads(1);
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
  if (allowed.team != nullptr) {
    allowed.team->run(count, body);
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

// Calls body(threads) with a team of as many threads as are allowed, for what has many short loops.
template <class Body> void with_team(Threads allowed, Body&& body) {
#ifdef _OPENMP
  if (allowed.count > 1 && allowed.team == nullptr) {
    Team team(allowed.count);
    Threads members = allowed;
    members.team = &team;
    std::exception_ptr failure;
#pragma omp parallel num_threads(allowed.count)
    {
      if (omp_get_thread_num() == 0) {
        try {
          body(members);
        } catch (...) {
          failure = std::current_exception();
        }
        team.close();
      } else {
        team.help(omp_get_thread_num());
      }
    }
    if (failure) std::rethrow_exception(failure);
    return;
  }
#endif
  body(allowed);
}

inline std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace mho
