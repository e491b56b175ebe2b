// A tile as the whole module holds it.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "mho/tile/tile.h"
#include "occupied.h"

namespace mho::bindings {

struct TileHandle {
  explicit TileHandle(std::shared_ptr<tile::Tile> held) : tile(std::move(held)) {}
  [[nodiscard]] Occupied occupy() const { return {busy, "tile"}; }

  std::shared_ptr<tile::Tile> tile;
  mutable std::atomic<bool> busy{false};
};

}  // namespace mho::bindings
