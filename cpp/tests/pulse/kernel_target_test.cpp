#include "mho/pulse/kernel_target.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support.h"

namespace mho::pulse {
namespace {

// Twenty inputs and thirty-two outputs, of which some were pulsed at one of three steps.
struct Marked {
  static constexpr std::size_t inputs = 20, stride = 32;
  static constexpr std::uint64_t key = 0x0123456789ABCDEFULL;
  static constexpr float write_noise = 0.25F;
  std::vector<float> weight = tests::random_values(inputs * stride, 1);
  std::vector<float> visible = tests::random_values(inputs * stride, 2);
  std::vector<std::uint32_t> marks = std::vector<std::uint32_t>(inputs * stride);
  std::vector<std::uint64_t> step = std::vector<std::uint64_t>(inputs * stride);
  std::array<std::vector<float>, device::pulsed_planes> values;
  std::array<const float*, device::pulsed_planes> planes;
  KernelTarget target{random::DeviceElements(inputs),
                      weight.data(),
                      visible.data(),
                      marks.data(),
                      planes.data(),
                      nullptr,
                      stride,
                      inputs,
                      write_noise,
                      0.0F,
                      nullptr,
                      nullptr};

  explicit Marked(std::uint64_t first_step) {
    const float parameters[device::pulsed_planes] = {0.01F, 0.01F, 1.0F, -1.0F};
    for (std::size_t p = 0; p < planes.size(); ++p) {
      values[p].assign(inputs * stride, parameters[p]);
      planes[p] = values[p].data();
    }
    // The devices of inputs 7 and 8 are as they were.
    for (std::size_t at = 0; at < marks.size(); ++at) {
      if (at % 3 == 0 || at / stride == 7 || at / stride == 8) continue;
      step[at] = first_step + at % 5;
      marks[at] = UndrawnNoise::mark(step[at]);
    }
  }

  // What a read sees, by the generator's contract and in double precision.
  [[nodiscard]] double expected(std::size_t output, std::size_t input) const {
    const std::size_t at = input * stride + output;
    if (marks[at] == 0) return static_cast<double>(visible[at]);
    const auto purpose = static_cast<std::uint16_t>(random::Purpose::write_noise);
    const auto words =
        tests::words_of<random::philox_pulse_rounds>(key, purpose, step[at], target.elements.of(output, input), 0);
    auto w = static_cast<double>(weight[at]);
    const auto intervals = static_cast<double>(target.intervals);
    if (intervals > 0) w = std::rint((w + 1) / 2 * intervals) / intervals * 2 - 1;
    return w + static_cast<double>(write_noise) * tests::table_gaussians_of(words)[output % 4];
  }
};

TEST(UndrawnNoise, IsThatOfThePulseThatLeftAMark) {
  // The first and the last of the steps that marks can tell apart, and beyond the lower word.
  for (const std::uint64_t first_step : {std::uint64_t{0}, (std::uint64_t{1} << 31) - 5, std::uint64_t{1} << 31,
                                         (std::uint64_t{1} << 32) - 5, (std::uint64_t{9} << 40) + 3}) {
    for (const float intervals : {0.0F, 8.0F}) {
      Marked marked(first_step);
      marked.target.intervals = intervals;
      const UndrawnNoise noise(random::Key::from(Marked::key), first_step);
      for (std::size_t input = 0; input < Marked::inputs; ++input) {
        for (std::size_t group = 0; group < 2; ++group) {
          float line[16];
          noise.line(marked.target, group, input).store(line);
          for (std::size_t i = 0; i < 16; ++i) {
            const std::size_t output = 16 * group + i;
            ASSERT_NEAR(static_cast<double>(line[i]), marked.expected(output, input), 2e-6) << output << ", " << input;
            ASSERT_EQ(line[i], noise.device(marked.target, output, input)) << output << ", " << input;
          }
        }
      }
    }
  }
}

TEST(UndrawnNoise, IsOfOneKeyAndOfStepsThatMarksTellApart) {
  const random::Key key = random::Key::from(1);
  constexpr std::uint64_t period = std::uint64_t{1} << 31;
  EXPECT_TRUE(UndrawnNoise(key, 0) == UndrawnNoise(key, period - 1));
  EXPECT_FALSE(UndrawnNoise(key, 0) == UndrawnNoise(key, period));
  EXPECT_FALSE(UndrawnNoise(key, 0) == UndrawnNoise(random::Key::from(2), 0));
}

TEST(KernelTarget, ShowsEachPulseWhereNoNoiseWaits) {
  Marked marked(0);
  EXPECT_TRUE(marked.target.traced());
  EXPECT_FALSE(marked.target.shown());
  marked.target.undrawn = nullptr;
  EXPECT_TRUE(marked.target.shown());
  marked.target.visible = nullptr;
  EXPECT_FALSE(marked.target.shown());
  EXPECT_FALSE(marked.target.traced());
}

}  // namespace
}  // namespace mho::pulse
