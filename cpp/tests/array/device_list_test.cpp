#include "mho/array/device_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support.h"

namespace mho::array {
namespace {

using tests::device;
using tests::error_of;
using tests::expect_contains;
using tests::make_array;

TEST(DeviceList, MakesEveryModelThatItNames) {
  const std::vector<std::string> names = device_models();
  for (const char* expected : {"Ideal", "ConstantStep", "SoftBounds", "LinearStep", "ExpStep"}) {
    EXPECT_EQ(std::count(names.begin(), names.end(), expected), 1) << expected;
  }
  for (const std::string& name : names) EXPECT_NE(make_array(device(name), {2, 3, 1}), nullptr) << name;
}

// The tests of the kernel look at every model.
TEST(DeviceList, HoldsNothingThatIsNotTested) {
  const auto tested = tests::pulsed_models();
  for (const std::string& name : device_models()) {
    if (name == "Ideal") continue;
    EXPECT_TRUE(std::any_of(tested.begin(), tested.end(), [&](const auto& m) { return m.type == name; })) << name;
  }
}

TEST(DeviceList, NamesTheModelsThatItKnows) {
  const std::string message = error_of([] { (void)make_array(device("SoftBounds", {{"type", "Soft"}}), {2, 3, 1}); });
  expect_contains(message, "device.type must be one of Ideal, ConstantStep");
  expect_contains(message, "got Soft");
}

TEST(DeviceList, RefusesParametersOfOtherModels) {
  expect_contains(error_of([] { (void)make_array(device("ConstantStep", {{"gamma_up", 0.1}}), {2, 3, 1}); }),
                  "device has no parameter gamma_up");
  expect_contains(error_of([] { (void)make_array(device("Ideal", {{"dw_min", 0.1}}), {2, 3, 1}); }),
                  "device has no parameter dw_min");
  expect_contains(error_of([] { (void)make_array(Parameters("device", {{"type", "ConstantStep"}}), {2, 3, 1}); }),
                  "is missing");
}

}  // namespace
}  // namespace mho::array
