// The device models that an array can be made of. A new model is one header in mho/device and one line here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mho/array/array.h"

namespace mho::array {

// Names of the models, in the order in which they are listed.
std::vector<std::string> device_models();

// An array of the devices that the parameters describe; "type" names the model.
std::unique_ptr<Array> make_array(Parameters& device, const Shape& shape, const std::vector<std::uint64_t>& keys,
                                  const periphery::IoParameters& forward_io, const periphery::IoParameters& backward_io,
                                  int threads);

}  // namespace mho::array
