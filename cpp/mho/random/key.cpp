#include "mho/random/key.h"

#include <cstddef>

#include "mho/random/philox.h"

namespace mho::random {

namespace {
std::uint64_t absorb(std::uint64_t state, std::uint64_t chunk, std::uint64_t position) {
  const Counter counter = {static_cast<std::uint32_t>(chunk), static_cast<std::uint32_t>(chunk >> 32),
                           static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32)};
  const Words words = philox(counter, Key::from(state));
  return words[0] | (static_cast<std::uint64_t>(words[1]) << 32);
}
}  // namespace

std::uint64_t derive_key(std::uint64_t seed, std::string_view path) {
  std::uint64_t state = seed;
  std::uint64_t position = 0;
  for (std::size_t begin = 0; begin < path.size(); begin += 8, ++position) {
    std::uint64_t chunk = 0;
    for (std::size_t i = begin; i < path.size() && i < begin + 8; ++i) {
      chunk |= static_cast<std::uint64_t>(static_cast<unsigned char>(path[i])) << (8 * (i - begin));
    }
    state = absorb(state, chunk, position);
  }
  return absorb(state, path.size(), ~std::uint64_t{0});
}

}  // namespace mho::random
