#include "bindings.h"
#include "mho/error.h"

namespace mho::bindings {

namespace {
const char* class_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::value:
      return "MhoValueError";
    case ErrorKind::type:
      return "MhoTypeError";
    case ErrorKind::runtime:
      break;
  }
  return "MhoRuntimeError";
}
}  // namespace

void register_errors(py::module_&) {
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    if (!pointer) return;
    try {
      std::rethrow_exception(pointer);
    } catch (const Error& error) {
      const py::object type = py::module_::import("mho.errors").attr(class_of(error.kind()));
      py::set_error(type, error.what());
    }
  });
}

}  // namespace mho::bindings
