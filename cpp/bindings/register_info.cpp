#include "bindings.h"
#include "mho/array/device_list.h"
#include "mho/periphery/gemm.h"

namespace mho::bindings {

namespace {
std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}
}  // namespace

void register_info(py::module_& m) {
  m.def("engine_info", [] {
    py::dict info;
    info["version"] = MHO_VERSION;
    info["compiler"] = compiler();
    info["simd_level"] = MHO_SIMD_LEVEL;
#ifdef _OPENMP
    info["openmp"] = true;
#else
    info["openmp"] = false;
#endif
    info["eigen"] = periphery::eigen_version();
    return info;
  });
  m.def("device_models", [] {
    py::list names;
    for (const std::string& name : array::device_models()) names.append(name);
    return names;
  });
}

}  // namespace mho::bindings
