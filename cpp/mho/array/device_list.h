// What an array can be made of: devices, and cells of several. A new device model is one header in mho/device and one
// line here; a new cell, one class in mho/cell and one line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mho/array/crosspoints.h"
#include "mho/parameters.h"

namespace mho::array {

// Names of the models, and of the cells, in the order in which they are listed.
std::vector<std::string> device_models();
std::vector<std::string> cell_models();

// Crosspoints with what the parameters describe; "type" names the model.
std::unique_ptr<Crosspoints> make_crosspoints(Parameters& device, const Shape& shape,
                                              const std::vector<std::uint64_t>& keys, Threads threads);

}  // namespace mho::array
