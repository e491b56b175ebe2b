// What the parts of the extension module share.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "mho/array/crosspoints.h"
#include "mho/parameters.h"

namespace mho::bindings {

namespace py = pybind11;

void register_errors(py::module_& m);
void register_info(py::module_& m);
void register_threads(py::module_& m);
void register_random(py::module_& m);
void register_tile(py::module_& m);
void register_hardware(py::module_& m);
void register_network(py::module_& m);

// The number of threads a call may use: the setting, or one in a process that was forked (the threads of the parent
// do not exist there).
Threads current_threads();

using FloatArray = py::array_t<float, py::array::c_style | py::array::forcecast>;

// Any real array as contiguous float32, checked to be finite. Converts once where it must.
FloatArray to_float_array(const py::handle& value, const char* name);

// A configuration section.
Parameters to_parameters(const std::string& section, const py::handle& source);

std::string shape_text(const py::array& a);

// Vectors for an array: (batch, features), and where there is an axis of instances (lockstep) also one such for each.
array::Batch batch_of(const FloatArray& a, const char* name, std::size_t features, const array::Shape& shape,
                      bool lockstep);
// Weights of an array: (out, in), or likewise one such for each instance. Returns whether each has its own.
bool check_weight(const FloatArray& w, const char* name, const array::Shape& shape, bool lockstep);

}  // namespace mho::bindings
