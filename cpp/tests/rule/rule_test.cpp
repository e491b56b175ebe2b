#include "mho/rule/rule.h"

#include <gtest/gtest.h>

#include <vector>

namespace mho::rule {
namespace {

TEST(Buffer, IsRowsByColumnsWhateverItsLayout) {
  for (const bool by_columns : {false, true}) {
    Buffer buffer("b", 2, 2, 3, 0.0F, by_columns);
    const std::vector<float> values{1, 2, 3, 4, 5, 6};
    buffer.assign(1, values.data());
    std::vector<float> again(6);
    buffer.copy(1, again.data());
    EXPECT_EQ(again, values);
    buffer.copy(0, again.data());
    EXPECT_EQ(again, std::vector<float>(6));
    EXPECT_EQ(buffer.of(1)[1], by_columns ? 4.0F : 2.0F);
  }
}

}  // namespace
}  // namespace mho::rule
