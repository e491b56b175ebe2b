// What the parts of the extension module share.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

namespace mho::bindings {

namespace py = pybind11;

void register_errors(py::module_& m);
void register_info(py::module_& m);
void register_threads(py::module_& m);
void register_random(py::module_& m);
void register_tile(py::module_& m);

// The number of threads a call may use: the setting, or one in a process that was forked (the threads of the parent
// do not exist there).
int current_threads();

using FloatArray = py::array_t<float, py::array::c_style | py::array::forcecast>;

// Any real array as contiguous float32, checked to be finite. Converts once where it must.
FloatArray to_float_array(const py::handle& value, const char* name);

}  // namespace mho::bindings
