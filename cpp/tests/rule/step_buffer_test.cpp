#include "mho/rule/step_buffer.h"

#include <gtest/gtest.h>

namespace mho::rule {
namespace {

StepBuffer buffer(double momentum, bool forget) {
  Parameters p("rule", {{"momentum", momentum}, {"forget_buffer", forget}});
  return StepBuffer(p);
}

TEST(StepBuffer, GivesWholeSteps) {
  const StepBuffer steps = buffer(0.25, true);
  float value = 0.99F;
  EXPECT_EQ(steps.take(value, 3), 0.0F);
  EXPECT_EQ(value, 0.99F);
  value = -2.5F;
  EXPECT_EQ(steps.take(value, 3), -2.0F);
  EXPECT_EQ(value, -0.625F);
  value = 9.0F;
  EXPECT_EQ(steps.take(value, 3), 3.0F);
  EXPECT_EQ(value, 2.25F);
}

TEST(StepBuffer, MayKeepWhatItDidNotGive) {
  const StepBuffer steps = buffer(0.0, false);
  float value = 9.5F;
  EXPECT_EQ(steps.take(value, 3), 3.0F);
  EXPECT_EQ(value, 6.5F);
}

TEST(BufferGranularity, GoesByTheScheduleIfAsked) {
  const auto granularity = [](double size, double automatic) {
    Parameters p("rule", {{"buffer_granularity", size}, {"auto_granularity", automatic}});
    return BufferGranularity(p, 0);
  };
  EXPECT_FALSE(granularity(0, 0).given());
  EXPECT_TRUE(granularity(2, 0).given());
  EXPECT_DOUBLE_EQ(granularity(2, 0).of(0.5, 40), 1.0);
  EXPECT_DOUBLE_EQ(granularity(2, 10).of(0.5, 40), 0.25);
}

}  // namespace
}  // namespace mho::rule
