#include "mho/array/device_list.h"

#include <concepts>

#include "mho/array/ideal_crosspoints.h"
#include "mho/array/pulsed_crosspoints.h"
#include "mho/cell/multi_significance_cell.h"
#include "mho/cell/one_sided_cell.h"
#include "mho/cell/reference_cell.h"
#include "mho/cell/vector_cell.h"
#include "mho/device/constant_step.h"
#include "mho/device/exp_step.h"
#include "mho/device/hidden_step.h"
#include "mho/device/jump_table.h"
#include "mho/device/linear_step.h"
#include "mho/device/piecewise_step.h"
#include "mho/device/pow_step.h"
#include "mho/device/pow_step_reference.h"
#include "mho/device/soft_bounds.h"
#include "mho/device/soft_bounds_reference.h"

namespace mho::array {

namespace {

// What a name in the list makes.
template <class Model> struct Made {
  using Type = PulsedCrosspoints<Model>;
};
template <class Cell>
  requires std::derived_from<Cell, Crosspoints>
struct Made<Cell> {
  using Type = Cell;
};

template <class... Models> struct List {
  static std::vector<std::string> names() { return {Models::name...}; }

  template <class... Arguments>
  static std::unique_ptr<Crosspoints> make(const std::string& type, Arguments&&... arguments) {
    std::unique_ptr<Crosspoints> result;
    // The first model of that name makes them.
    (void)((type == Models::name && (result = std::make_unique<typename Made<Models>::Type>(arguments...))) || ...);
    return result;
  }
};

using PulsedDevices = List<       //
    device::ConstantStep,         //
    device::SoftBounds,           //
    device::LinearStep,           //
    device::ExpStep,              //
    device::PowStep,              //
    device::PiecewiseStep,        //
    device::JumpTable,            //
    device::SoftBoundsReference,  //
    device::PowStepReference,     //
    device::HiddenStep>;

using Cells = List<       //
    cell::VectorCell,     //
    cell::ReferenceCell,  //
    cell::OneSidedCell,   //
    cell::MultiSignificanceCell>;

}  // namespace

std::vector<std::string> cell_models() { return Cells::names(); }

std::vector<std::string> device_models() {
  std::vector<std::string> names = PulsedDevices::names();
  names.insert(names.begin(), "Ideal");
  return names;
}

std::unique_ptr<Crosspoints> make_crosspoints(Parameters& device, const Shape& shape,
                                              const std::vector<std::uint64_t>& keys, Threads threads) {
  const std::string type = device.text("type");
  std::unique_ptr<Crosspoints> result;
  if (type == "Ideal") {
    result = std::make_unique<IdealCrosspoints>(shape, keys);
  } else {
    result = PulsedDevices::make(type, device, shape, keys, threads);
    if (!result) result = Cells::make(type, device, shape, keys, threads);
  }
  if (!result) {
    std::string known;
    for (const std::string& name : device_models()) known += (known.empty() ? "" : ", ") + name;
    for (const std::string& name : cell_models()) known += ", " + name;
    fail_value(device.section() + ".type must be one of " + known + ", got " + type);
  }
  device.finish();
  return result;
}

}  // namespace mho::array
