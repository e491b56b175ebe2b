// A tile as the whole module holds it.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "mho/error.h"
#include "mho/tile/tile.h"

namespace mho::bindings {

// Only one thread may be in a tile at a time.
struct TileHandle {
  explicit TileHandle(std::shared_ptr<tile::Tile> held) : tile(std::move(held)) {}
  std::shared_ptr<tile::Tile> tile;
  mutable std::atomic<bool> busy{false};
};

// Marks a tile as in use for the life of a call; other threads are told so.
class Occupied {
 public:
  explicit Occupied(const TileHandle& handle) : handle_(&handle) {
    if (handle.busy.exchange(true, std::memory_order_acquire)) {
      fail_runtime("this tile is being used by another thread; one call at a time");
    }
  }
  Occupied(Occupied&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Occupied(const Occupied&) = delete;
  Occupied& operator=(const Occupied&) = delete;
  Occupied& operator=(Occupied&&) = delete;
  ~Occupied() {
    if (handle_ != nullptr) handle_->busy.store(false, std::memory_order_release);
  }

 private:
  const TileHandle* handle_;
};

}  // namespace mho::bindings
