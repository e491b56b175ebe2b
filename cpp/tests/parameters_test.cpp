#include "mho/parameters.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support.h"

namespace mho {
namespace {

using tests::error_of;
using tests::expect_contains;

Parameters example() { return {"Section", {{"number", 0.5}, {"flag", true}, {"text", "b"}}}; }

TEST(Parameters, GivesBackWhatItWasGiven) {
  Parameters p = example();
  EXPECT_EQ(p.section(), "Section");
  EXPECT_TRUE(p.has("number"));
  EXPECT_FALSE(p.has("other"));
  EXPECT_EQ(p.number("number"), 0.5);
  EXPECT_EQ(p.number("number", 0.5, 0.5), 0.5);
  EXPECT_TRUE(p.flag("flag"));
  EXPECT_EQ(p.text("text"), "b");
  EXPECT_EQ(p.choice<int>("text", {{"a", 1}, {"b", 2}}), 2);
  p.finish();
}

TEST(Parameters, NamesWhatIsMissing) {
  Parameters p = example();
  EXPECT_EQ(error_of([&] { (void)p.number("absent"); }), "Section.absent is missing");
  EXPECT_EQ(error_of([&] { (void)p.flag("absent"); }), "Section.absent is missing");
  EXPECT_EQ(error_of([&] { (void)p.text("absent"); }), "Section.absent is missing");
}

TEST(Parameters, NamesWhatItDoesNotKnow) {
  Parameters p = example();
  (void)p.number("number");
  (void)p.flag("flag");
  EXPECT_EQ(error_of([&] { p.finish(); }), "Section has no parameter text");
}

TEST(Parameters, RefusesAnotherType) {
  Parameters p = example();
  expect_contains(error_of([&] { (void)p.number("flag"); }, ErrorKind::type), "Section.flag must be a number");
  expect_contains(error_of([&] { (void)p.number("text"); }, ErrorKind::type), "Section.text must be a number");
  expect_contains(error_of([&] { (void)p.flag("number"); }, ErrorKind::type), "Section.number must be true or false");
  expect_contains(error_of([&] { (void)p.text("number"); }, ErrorKind::type), "Section.number must be a string");
}

TEST(Parameters, RefusesWhatIsOutOfRange) {
  Parameters p = example();
  const std::string above = error_of([&] { (void)p.number("number", -1, 0.25); });
  expect_contains(above, "Section.number must be in [-1");
  expect_contains(above, "got 0.5");
  expect_contains(error_of([&] { (void)p.number("number", 0.75, 1); }), "Section.number must be in [0.75");
}

TEST(Parameters, RefusesWhatIsNotFinite) {
  Parameters p("Section", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                           {"infinite", -std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(error_of([&] { (void)p.number("nan"); }), "Section.nan must be finite");
  EXPECT_EQ(error_of([&] { (void)p.number("infinite", -1, 1); }), "Section.infinite must be finite");
}

TEST(Parameters, ListsTheChoices) {
  Parameters p = example();
  EXPECT_EQ(error_of([&] { (void)p.choice<int>("text", {{"one", 1}, {"two", 2}}); }),
            "Section.text must be one of one, two, got b");
}

}  // namespace
}  // namespace mho
