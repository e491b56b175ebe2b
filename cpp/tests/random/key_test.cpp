#include "mho/random/key.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "mho/random/philox.h"

namespace mho::random {
namespace {

std::uint64_t absorbed(std::uint64_t state, std::uint64_t chunk, std::uint64_t position) {
  const Words words = philox({static_cast<std::uint32_t>(chunk), static_cast<std::uint32_t>(chunk >> 32),
                              static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32)},
                             Key::from(state));
  return words[0] | static_cast<std::uint64_t>(words[1]) << 32;
}

TEST(DeriveKey, AbsorbsEightBytesAtATimeAndTheLengthLast) {
  EXPECT_EQ(derive_key(7, ""), absorbed(7, 0, ~std::uint64_t{0}));
  // "net/0/ti" and "le1", least significant byte first.
  const std::uint64_t first = absorbed(7, 0x69742F302F74656EULL, 0);
  const std::uint64_t second = absorbed(first, 0x31656CULL, 1);
  EXPECT_EQ(derive_key(7, "net/0/tile1"), absorbed(second, 11, ~std::uint64_t{0}));
}

TEST(DeriveKey, TellsNamesApart) {
  using namespace std::string_view_literals;
  std::set<std::uint64_t> keys;
  const std::string_view names[] = {""sv,           "a"sv,        "a\0"sv,    "\0a"sv,      "b"sv,
                                    "net/0"sv,      "net/1"sv,    "net/0/"sv, "12345678"sv, "123456789"sv,
                                    "12345678\0"sv, "\xC3\xA9"sv, "\xFF"sv,   "0net/"sv,    "87654321"sv};
  for (const std::string_view name : names) keys.insert(derive_key(7, name));
  EXPECT_EQ(keys.size(), std::size(names));
}

TEST(DeriveKey, GivesNoKeyTwice) {
  std::set<std::uint64_t> keys;
  constexpr std::size_t paths = 20000;
  for (std::size_t i = 0; i < paths; ++i) {
    keys.insert(derive_key(1, "net/" + std::to_string(i)));
    keys.insert(derive_key(i + 2, "net"));
  }
  EXPECT_EQ(keys.size(), 2 * paths);
}

// Half of the 64 bits change with each bit of the seed: binomial with standard deviation 4.
TEST(DeriveKey, SpreadsEachBitOfTheSeed) {
  const std::uint64_t key = derive_key(7, "net/0");
  for (int bit = 0; bit < 64; ++bit) {
    const int distance = std::popcount(key ^ derive_key(std::uint64_t{7} ^ std::uint64_t{1} << bit, "net/0"));
    EXPECT_NEAR(distance, 32, 20) << "bit " << bit;
  }
}

}  // namespace
}  // namespace mho::random
