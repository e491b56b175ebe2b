// Memory aligned to cache lines, which are also the widest registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mho {

// From this size on memory begins at a large page and asks for such pages: a first touch then costs a hundredth, and
// addresses are found in fewer tables. Where the system has none, nothing changes.
inline constexpr std::size_t large_page = std::size_t{1} << 21;
inline constexpr std::size_t cache_line = 64;

template <class T> struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U> AlignedAllocator(const AlignedAllocator<U>&) {}
  T* allocate(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    if (bytes < large_page) return static_cast<T*>(small(bytes));
    void* memory = ::operator new(bytes, std::align_val_t(large_page));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    // Whole large pages only: what follows the array is not ours.
    (void)madvise(memory, bytes / large_page * large_page, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* p, std::size_t n) {
    if (n * sizeof(T) < large_page) {
      void* start;
      std::memcpy(&start, reinterpret_cast<std::byte*>(p) - sizeof(start), sizeof(start));
      ::operator delete(start);
    } else {
      ::operator delete(p, std::align_val_t(large_page));
    }
  }
  template <class U> bool operator==(const AlignedAllocator<U>&) const { return true; }

 private:
  // Buffers come and go with each read, and asking the system for an alignment takes several times as long as asking
  // for more. Where the memory starts is kept in front of the first cache line.
  static void* small(std::size_t bytes) {
    void* const start = ::operator new(bytes + cache_line);
    std::byte* const first =
        static_cast<std::byte*>(start) + cache_line - reinterpret_cast<std::uintptr_t>(start) % cache_line;
    static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= sizeof(start));
    std::memcpy(first - sizeof(start), &start, sizeof(start));
    return first;
  }
};

template <class T> using AlignedVector = std::vector<T, AlignedAllocator<T>>;

// The same without initial values: who writes them first, in parallel, decides where the memory is.
template <class T> struct RawAllocator : AlignedAllocator<T> {
  RawAllocator() = default;
  template <class U> RawAllocator(const RawAllocator<U>&) {}
  template <class U> void construct(U* p) { ::new (static_cast<void*>(p)) U; }
  template <class U, class... Arguments> void construct(U* p, Arguments&&... arguments) {
    ::new (static_cast<void*>(p)) U(std::forward<Arguments>(arguments)...);
  }
};

template <class T> using RawVector = std::vector<T, RawAllocator<T>>;

}  // namespace mho
