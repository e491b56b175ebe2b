// Keys of physical things: a 64-bit hash of a seed and of the thing's name (its path).
#pragma once

#include <cstdint>
#include <string_view>

namespace mho::random {

// The key of (seed, path): the path is absorbed eight bytes at a time by Philox itself, its length last, so that equal
// keys for different names are as unlikely as for random 64-bit numbers.
std::uint64_t derive_key(std::uint64_t seed, std::string_view path);

}  // namespace mho::random
