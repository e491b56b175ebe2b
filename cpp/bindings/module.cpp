#include "bindings.h"

PYBIND11_MODULE(MHO_MODULE_NAME, m) {
  m.doc() = "The engine of mho, compiled for one SIMD level.";
  mho::bindings::register_errors(m);
  mho::bindings::register_info(m);
  mho::bindings::register_threads(m);
  mho::bindings::register_random(m);
  mho::bindings::register_tile(m);
  mho::bindings::register_hardware(m);
  mho::bindings::register_network(m);
}
