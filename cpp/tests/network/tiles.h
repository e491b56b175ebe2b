// What the tests of networks share: tiles of ideal devices that are read perfectly, so that results are known.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mho/tile/tile.h"
#include "support.h"

namespace mho::tests {

inline std::shared_ptr<tile::Tile> perfect_tile(std::size_t out_features, std::size_t in_features,
                                                const std::vector<float>& weight) {
  const tile::Configuration configuration{device("Ideal"), Parameters("rule", {{"type", "SGD"}}), update(),
                                          io({{"is_perfect", true}}), io({{"is_perfect", true}})};
  auto made =
      std::make_shared<tile::Tile>(out_features, in_features, std::vector<std::uint64_t>{1}, configuration, Threads{1});
  (void)made->set_weight(weight.data(), false);
  return made;
}

inline std::vector<float> weight_of(tile::Tile& tile) {
  const array::Shape& shape = tile.main().shape();
  std::vector<float> w(shape.out_features * shape.in_features);
  tile.copy("weight", w.data());
  return w;
}

}  // namespace mho::tests
