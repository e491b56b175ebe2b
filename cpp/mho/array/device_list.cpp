#include "mho/array/device_list.h"

#include "mho/array/ideal_crosspoints.h"
#include "mho/array/pulsed_crosspoints.h"
#include "mho/device/constant_step.h"
#include "mho/device/exp_step.h"
#include "mho/device/hidden_step.h"
#include "mho/device/linear_step.h"
#include "mho/device/pow_step.h"
#include "mho/device/pow_step_reference.h"
#include "mho/device/soft_bounds.h"
#include "mho/device/soft_bounds_reference.h"

namespace mho::array {

namespace {

template <class... Models> struct DeviceList {
  static std::vector<std::string> names() { return {Models::name...}; }

  template <class... Arguments>
  static std::unique_ptr<Crosspoints> make(const std::string& type, Arguments&&... arguments) {
    std::unique_ptr<Crosspoints> result;
    // The first model of that name makes them.
    (void)((type == Models::name && (result = std::make_unique<PulsedCrosspoints<Models>>(arguments...))) || ...);
    return result;
  }
};

using PulsedDevices = DeviceList<  //
    device::ConstantStep,          //
    device::SoftBounds,            //
    device::LinearStep,            //
    device::ExpStep,               //
    device::PowStep,               //
    device::SoftBoundsReference,   //
    device::PowStepReference,      //
    device::HiddenStep>;

}  // namespace

std::vector<std::string> device_models() {
  std::vector<std::string> names = PulsedDevices::names();
  names.insert(names.begin(), "Ideal");
  return names;
}

std::unique_ptr<Crosspoints> make_crosspoints(Parameters& device, const Shape& shape,
                                              const std::vector<std::uint64_t>& keys, int threads) {
  const std::string type = device.text("type");
  std::unique_ptr<Crosspoints> result;
  if (type == "Ideal") {
    result = std::make_unique<IdealCrosspoints>(shape, keys);
  } else {
    result = PulsedDevices::make(type, device, shape, keys, threads);
  }
  if (!result) {
    std::string known;
    for (const std::string& name : device_models()) known += (known.empty() ? "" : ", ") + name;
    fail_value("device.type must be one of " + known + ", got " + type);
  }
  device.finish();
  return result;
}

}  // namespace mho::array
