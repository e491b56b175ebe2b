#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bindings.h"
#include "mho/error.h"
#include "mho/random/key.h"
#include "mho/random/stream.h"

namespace mho::bindings {

namespace {

random::Stream stream_of(std::uint64_t key, std::uint16_t purpose, std::uint64_t step) {
  if (step >> 48 != 0) fail_value("step must be < 2**48, got " + std::to_string(step));
  return {random::Key::from(key), purpose, step};
}

// With blocks of `block` numbers, value block b + 16 k + i is number k of element 16 b + i.
template <class T, std::size_t block, class Fill> py::array_t<T> blocks(std::size_t count, Fill&& fill) {
  py::array_t<T> result(static_cast<py::ssize_t>(count));
  T* target = result.mutable_data();
  T buffer[block];
  for (std::size_t begin = 0; begin < count; begin += block) {
    fill(static_cast<std::uint32_t>(16 * (begin / block)), buffer);
    std::copy_n(buffer, std::min(block, count - begin), target + begin);
  }
  return result;
}

}  // namespace

void register_random(py::module_& m) {
  m.def(
      "derive_key", [](std::uint64_t seed, const std::string& path) { return random::derive_key(seed, path); },
      py::arg("seed"), py::arg("path"));
  m.def(
      "philox",
      [](random::Counter counter, std::uint64_t key) { return random::philox(counter, random::Key::from(key)); },
      py::arg("counter"), py::arg("key"));
  m.def(
      "random_words",
      [](std::uint64_t key, std::uint16_t purpose, std::uint64_t step, std::size_t count) {
        const auto stream = stream_of(key, purpose, step);
        return blocks<std::uint32_t, random::word_lines>(count, [&](std::uint32_t element, std::uint32_t* target) {
          const auto words = stream.words(element, 0);
          for (int k = 0; k < 4; ++k) words.word[k].store(target + 16 * k);
        });
      },
      py::arg("key"), py::arg("purpose"), py::arg("step"), py::arg("count"));
  m.def(
      "random_gaussian",
      [](std::uint64_t key, std::uint16_t purpose, std::uint64_t step, std::size_t count) {
        const auto stream = stream_of(key, purpose, step);
        return blocks<float, random::gaussian_lines>(count, [&](std::uint32_t element, float* target) {
          const auto values = stream.gaussians(element, 0);
          for (std::size_t k = 0; k < random::block_gaussians; ++k) values.value[k].store(target + 16 * k);
        });
      },
      py::arg("key"), py::arg("purpose"), py::arg("step"), py::arg("count"));
}

}  // namespace mho::bindings
