#include "mho/random/device_draws.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "support.h"

namespace mho::random {
namespace {

constexpr std::size_t inputs = 21;  // padded to 32

TEST(DeviceElements, AreSharedByFourOutputs) {
  const DeviceElements elements(inputs);
  EXPECT_EQ(elements.of(0, 0), 0U);
  EXPECT_EQ(elements.of(3, 20), 20U);
  EXPECT_EQ(elements.of(4, 0), 32U);
  EXPECT_EQ(elements.of(9, 5), 69U);
  std::uint32_t line[simd::lanes];
  elements.of_line(1, 7).store(line);
  for (std::size_t i = 0; i < simd::lanes; ++i) EXPECT_EQ(line[i], elements.of(16 + i, 7));
}

// What a block gets is what each of its devices has by itself.
TEST(DeviceDraws, AreThoseOfEachDevice) {
  const DeviceElements elements(inputs);
  const Stream stream(Key::from(5), Purpose::device_construction, 3);
  const std::size_t group = 2;
  const std::size_t quad = 3;
  const GaussianBlock gaussians = device_gaussians(stream, elements.of_block(group, quad), 1);
  const WordBlock words = device_words(stream, elements.of_block(group, quad), 1);
  for (std::size_t r = 0; r < block_inputs; ++r) {
    float first[simd::lanes];
    float second[simd::lanes];
    std::uint32_t word[simd::lanes];
    gaussians.value[r].store(first);
    gaussians.value[4 + r].store(second);
    words.word[r].store(word);
    for (std::size_t i = 0; i < block_outputs; ++i) {
      const std::size_t output = group * block_outputs + i;
      const auto own = tests::words_of(5, static_cast<std::uint16_t>(Purpose::device_construction), 3,
                                       elements.of(output, quad * block_inputs + r), 1);
      EXPECT_NEAR(first[i], tests::gaussians_of(own)[output % 4], 1e-5);
      EXPECT_NEAR(second[i], tests::gaussians_of(own)[4 + output % 4], 1e-5);
      EXPECT_EQ(word[i], own[output % 4]);
    }
  }
}

}  // namespace
}  // namespace mho::random
