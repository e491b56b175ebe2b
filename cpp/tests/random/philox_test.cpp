#include "mho/random/philox.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace mho::random {
namespace {

struct KnownAnswer {
  Counter counter;
  Key key;
  Words words;
};

// philox4x32 with 10 rounds of the file kat_vectors, which its authors publish with the Random123 library.
TEST(Philox, GivesThePublishedAnswers) {
  const KnownAnswer answers[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (const KnownAnswer& known : answers) EXPECT_EQ(philox(known.counter, known.key), known.words);
}

TEST(Philox, TakesTheLowerHalfOfAKeyFirst) {
  const Key key = Key::from(0x299f31d0a4093822ULL);
  EXPECT_EQ(key.k0, 0xa4093822U);
  EXPECT_EQ(key.k1, 0x299f31d0U);
}

// Each bit of counter and key changes about half of the 128 bits: binomial with standard deviation 5.7.
TEST(Philox, SpreadsEachBit) {
  const Counter counter{1, 2, 3, 4};
  const Key key{5, 6};
  const Words words = philox(counter, key);
  const auto distance = [&](const Words& other) {
    int bits = 0;
    for (std::size_t k = 0; k < 4; ++k) bits += std::popcount(words[k] ^ other[k]);
    return bits;
  };
  for (std::size_t bit = 0; bit < 128; ++bit) {
    Counter changed = counter;
    changed[bit / 32] ^= 1U << (bit % 32);
    EXPECT_NEAR(distance(philox(changed, key)), 64, 29) << "bit " << bit << " of the counter";
  }
  for (std::size_t bit = 0; bit < 64; ++bit) {
    const std::uint64_t value = (std::uint64_t{6} << 32 | 5U) ^ (std::uint64_t{1} << bit);
    EXPECT_NEAR(distance(philox(counter, Key::from(value))), 64, 29) << "bit " << bit << " of the key";
  }
}

}  // namespace
}  // namespace mho::random
