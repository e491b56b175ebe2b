#include "mho/cell/reference_cell.h"

namespace mho::cell {

ReferenceCell::ReferenceCell(Parameters& parameters, const array::Shape& shape, const std::vector<std::uint64_t>& keys,
                             Threads threads)
    : CellCrosspoints(shape, keys) {
  Parameters device = parameters.section("device");
  Parameters reference = parameters.section(parameters.has("reference_device") ? "reference_device" : "device");
  granularity_ = add(device, "device", 1, threads).granularity();
  add(reference, "reference", -1, threads);
  program(1, parameters.number("reference_mean", -1e6, 1e6), parameters.number("reference_std", 0, 1e6));
}

void ReferenceCell::pulse_parts(std::size_t instance, const pulse::Request& request) {
  part(0).pulse(instance, request_of(0, request));
}

}  // namespace mho::cell
