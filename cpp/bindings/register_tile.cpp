#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "hardware.h"
#include "mho/error.h"
#include "mho/simd/finite.h"
#include "mho/tile/tile.h"
#include "tile_handle.h"

namespace mho::bindings {

namespace {

// Numbers, or sections.
Parameters::Value to_row(const std::string& name, const py::sequence& items) {
  if (items.size() > 0 && py::isinstance<py::dict>(items[0])) {
    std::vector<Parameters> sections;
    for (std::size_t i = 0; i < items.size(); ++i) {
      sections.push_back(to_parameters(name + "[" + std::to_string(i) + "]", items[i]));
    }
    return sections;
  }
  try {
    return items.cast<std::vector<double>>();
  } catch (const py::cast_error&) {
    fail_type(name + " must be a row of numbers");
  }
}

tile::Configuration to_configuration(const py::dict& config) {
  const auto section = [&](const char* name) {
    if (!config.contains(name)) fail_value(std::string("a tile's configuration needs a section ") + name);
    return to_parameters(name, config[name]);
  };
  return {section("device"), section("rule"), section("update"), section("forward_io"), section("backward_io")};
}

// A tile as Python sees it.
class PyTile : public TileHandle {
 public:
  PyTile(std::size_t out_features, std::size_t in_features, const std::vector<std::uint64_t>& keys,
         const py::dict& config, bool lockstep, const py::object& host)
      : TileHandle(
            std::make_shared<tile::Tile>(out_features, in_features, keys, to_configuration(config), current_threads())),
        tile_(*tile),
        lockstep_(lockstep),
        host_(host) {
    if (auto* hosted = dynamic_cast<rule::HostedRule*>(&tile_.rule()); hosted != nullptr) {
      hosted->set_host(
          [this, hosted](const array::Batch& x, const array::Batch& d, double lr) { call_host(*hosted, x, d, lr); });
    }
  }

  FloatArray forward(const py::object& x, bool noise, bool evaluation) {
    return read(x, "x", shape().in_features, shape().out_features, [&](const array::Batch& batch, float* y) {
      tile_.forward(batch, y, noise, evaluation, current_threads());
    });
  }

  FloatArray backward(const py::object& d, bool noise, bool evaluation) {
    return read(d, "d", shape().out_features, shape().in_features, [&](const array::Batch& batch, float* y) {
      tile_.backward(batch, y, noise, evaluation, current_threads());
    });
  }

  void update(const py::object& x_object, const py::object& d_object, double lr) {
    const FloatArray x = to_float_array(x_object, "x");
    const FloatArray d = to_float_array(d_object, "d");
    const array::Batch x_batch = batch_of(x, "x", shape().in_features);
    const array::Batch d_batch = batch_of(d, "d", shape().out_features);
    if (x_batch.samples != d_batch.samples) {
      fail_value("x and d must have the same batch size, got " + std::to_string(x_batch.samples) + " and " +
                 std::to_string(d_batch.samples));
    }
    const Occupied occupied = occupy();
    const py::gil_scoped_release release;
    tile_.update(x_batch, d_batch, lr, current_threads());
  }

  // Moves the weights of one array, not by the rule: by trains as `update` says.
  void pulse(const std::string& name, const py::object& x_object, const py::object& d_object, double lr,
             const pulse::UpdateParameters& update) {
    const FloatArray x = to_float_array(x_object, "x");
    const FloatArray d = to_float_array(d_object, "d");
    const array::Batch x_batch = batch_of(x, "x", shape().in_features);
    const array::Batch d_batch = batch_of(d, "d", shape().out_features);
    if (x_batch.samples != d_batch.samples) fail_value("x and d must have the same batch size");
    const Occupied occupied = occupy();
    const py::gil_scoped_release release;
    tile_.array(name).pulse(x_batch, d_batch, lr, update, current_threads());
    tile_.array_changed();
  }

  // Programs a part of the cells of one array.
  std::size_t set_part(const std::string& name, const py::object& object, const std::string& part) {
    const FloatArray w = to_float_array(object, "weight");
    const bool per_instance = check_weight(w, "weight", shape(), lockstep_);
    const Occupied occupied = occupy();
    const std::size_t unreached = tile_.array(name).crosspoints().set_part(part, w.data(), per_instance);
    tile_.array_changed();
    return unreached;
  }

  // What names an array has, the parts of its cells, and the steps it has taken.
  std::vector<std::string> part_names(const std::string& name) { return tile_.array(name).crosspoints().part_names(); }
  std::uint64_t update_steps(const std::string& name) { return tile_.array(name).steps().update; }
  double array_granularity(const std::string& name) { return tile_.array(name).crosspoints().granularity(); }

  void elapse(double seconds) {
    const Occupied occupied = occupy();
    const py::gil_scoped_release release;
    tile_.elapse(seconds, current_threads());
  }

  void reset(const py::object& mask) {
    const BoolArray chosen = to_mask(mask);
    const Occupied occupied = occupy();
    tile_.reset(selection_of(chosen), current_threads());
  }

  void stick(const py::object& mask) {
    const BoolArray chosen = to_mask(mask);
    const Occupied occupied = occupy();
    tile_.stick(selection_of(chosen));
  }

  [[nodiscard]] bool ages() { return tile_.ages(); }

  // Of the whole, or of one part of a cell.
  std::size_t set_weight(const py::object& object, const std::string& part) {
    const FloatArray w = to_float_array(object, "weight");
    const bool per_instance = check_weight(w, "weight", shape(), lockstep_);
    const Occupied occupied = occupy();
    if (!part.empty()) return tile_.set_part(part, w.data(), per_instance);
    return tile_.set_weight(w.data(), per_instance);
  }

  FloatArray array(const std::string& name) {
    const Occupied occupied = occupy();
    FloatArray result(extents_of(name));
    tile_.copy(name, result.mutable_data());
    return result;
  }

  std::vector<std::string> array_names() { return tile_.names(); }
  std::vector<std::string> state_names() { return tile_.state_names(); }

  py::dict counters() {
    const Occupied occupied = occupy();
    const array::Steps& steps = tile_.main().steps();
    py::dict result;
    result["update"] = steps.update;
    result["forward"] = steps.forward;
    result["backward"] = steps.backward;
    result["evaluation_forward"] = steps.evaluation_forward;
    result["evaluation_backward"] = steps.evaluation_backward;
    result["elapse"] = steps.elapse;
    result["reset"] = steps.reset;
    for (const array::Counter& counter : tile_.counters()) {
      result[counter.name.c_str()] = counter.values;
    }
    result["running_averages"] = tile_.main().running_averages();
    return result;
  }

  // Replaces the whole state, or nothing.
  void load_state(const std::map<std::string, py::object>& arrays, const py::dict& counters) {
    const Occupied occupied = occupy();
    std::vector<FloatArray> kept;
    std::vector<const float*> values;
    for (const std::string& name : state_names()) {
      const auto found = arrays.find(name);
      if (found == arrays.end()) fail_value("a state of this tile needs the array " + name);
      kept.push_back(to_float_array(found->second, name.c_str()));
      const std::vector<py::ssize_t> extents = extents_of(name);
      if (!std::equal(extents.begin(), extents.end(), kept.back().shape(), kept.back().shape() + kept.back().ndim())) {
        fail_value("array " + name + " of a state must have shape " + shape_text(FloatArray(extents)) + ", got " +
                   shape_text(kept.back()));
      }
      values.push_back(kept.back().data());
    }
    if (arrays.size() != values.size()) fail_value("a state of this tile has arrays that its devices do not have");
    const auto number = [&](const char* name) {
      const auto value = counters[name].cast<std::uint64_t>();
      if (value >> 48 != 0) fail_value(std::string("counter ") + name + " of a state must be < 2**48");
      return value;
    };
    // Counters that older states do not have: nothing had been counted.
    const auto later = [&](const char* name) { return counters.contains(name) ? number(name) : 0; };
    array::Steps steps;
    std::vector<array::Counter> counted = tile_.counters();
    std::vector<float> averages;
    try {
      steps = {number("update"),
               number("forward"),
               number("backward"),
               number("evaluation_forward"),
               number("evaluation_backward"),
               later("elapse"),
               later("reset")};
      averages = counters["running_averages"].cast<std::vector<float>>();
      bool fits = averages.size() == 2 * shape().instances;
      for (array::Counter& counter : counted) {
        const std::size_t size = counter.values.size();
        counter.values = counters[counter.name.c_str()].cast<std::vector<std::uint64_t>>();
        fits = fits && counter.values.size() == size;
      }
      if (!fits) fail_value("the counters of a state must have one entry for each instance");
      for (const float a : averages) {
        if (!std::isfinite(a) || a < 0) fail_value("the running averages of a state must be finite and >= 0");
      }
    } catch (const py::cast_error&) {
      fail_type("the counters of a state must be whole numbers >= 0");
    } catch (const py::error_already_set&) {
      fail_value("the counters of a state are incomplete");
    }
    tile_.load_state(values);
    tile_.set_counters(counted);
    tile_.main().set_steps(steps);
    tile_.main().set_running_averages(averages);
  }

  [[nodiscard]] std::size_t memory_bytes() { return tile_.memory_bytes(); }
  [[nodiscard]] std::size_t buffer_bytes() { return tile_.buffer_bytes(); }
  [[nodiscard]] double granularity() const { return tile_.main().crosspoints().granularity(); }

 private:
  using BoolArray = py::array_t<bool, py::array::c_style>;

  // Calls the rule that is written in Python.
  void call_host(rule::HostedRule& rule, const array::Batch& x, const array::Batch& d, double lr) {
    const py::gil_scoped_acquire acquire;
    const auto hardware = std::make_shared<Hardware>(rule, lockstep_);
    struct Closed {
      Hardware& hardware;
      ~Closed() { hardware.close(); }
    } const closed{*hardware};
    host_(hardware, read_only(x), read_only(d), lr);
  }
  // A copy, which the rule may keep.
  [[nodiscard]] py::array read_only(const array::Batch& batch) const {
    std::vector<py::ssize_t> extents;
    if (batch.per_instance) extents.push_back(static_cast<py::ssize_t>(shape().instances));
    extents.push_back(static_cast<py::ssize_t>(batch.samples));
    extents.push_back(static_cast<py::ssize_t>(batch.features));
    FloatArray values(extents, batch.data);
    py::detail::array_proxy(values.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    return values;
  }

  // Which devices are meant: an array of truth values, or none for all of them.
  BoolArray to_mask(const py::object& object) const {
    if (object.is_none()) return BoolArray(0);
    if (!py::isinstance<BoolArray>(object)) fail_type("mask must be an array of truth values");
    const auto mask = py::reinterpret_borrow<BoolArray>(object);
    const auto count = static_cast<std::size_t>(mask.size());
    const bool fits = (mask.ndim() == 2 && count == shape().devices() / shape().instances) ||
                      (lockstep_ && mask.ndim() == 3 && count == shape().devices());
    if (!fits) fail_value("mask must have a value for each device, got shape " + shape_text(mask));
    return mask;
  }
  static array::Selection selection_of(const BoolArray& mask) {
    if (mask.size() == 0) return {};
    return {reinterpret_cast<const std::uint8_t*>(mask.data()), mask.ndim() == 3};
  }

  // Of an array by name, with the axis of instances where there is one.
  [[nodiscard]] std::vector<py::ssize_t> extents_of(const std::string& name) {
    const tile::Extents extents = tile_.extents(name);
    std::vector<py::ssize_t> shape_of;
    if (lockstep_) shape_of.push_back(static_cast<py::ssize_t>(shape().instances));
    shape_of.push_back(static_cast<py::ssize_t>(extents.rows));
    shape_of.push_back(static_cast<py::ssize_t>(extents.columns));
    return shape_of;
  }

  [[nodiscard]] const array::Shape& shape() const { return tile_.main().shape(); }

  array::Batch batch_of(const FloatArray& a, const char* name, std::size_t features) const {
    return bindings::batch_of(a, name, features, shape(), lockstep_);
  }

  template <class Read>
  FloatArray read(const py::object& object, const char* name, std::size_t inputs, std::size_t outputs, Read&& compute) {
    const FloatArray x = to_float_array(object, name);
    const array::Batch batch = batch_of(x, name, inputs);
    std::vector<py::ssize_t> extents;
    if (lockstep_) extents.push_back(static_cast<py::ssize_t>(shape().instances));
    extents.push_back(static_cast<py::ssize_t>(batch.samples));
    extents.push_back(static_cast<py::ssize_t>(outputs));
    FloatArray y(extents);
    const Occupied occupied = occupy();
    {
      float* target = y.mutable_data();
      const py::gil_scoped_release release;
      compute(batch, target);
    }
    return y;
  }

  tile::Tile& tile_;
  bool lockstep_;    // with an axis of instances
  py::object host_;  // what a hosted rule calls
};

}  // namespace

std::string shape_text(const py::array& a) {
  std::string text = "(";
  for (py::ssize_t i = 0; i < a.ndim(); ++i) text += (i > 0 ? ", " : "") + std::to_string(a.shape(i));
  return text + (a.ndim() == 1 ? ",)" : ")");
}

Parameters to_parameters(const std::string& section, const py::handle& source) {
  std::map<std::string, Parameters::Value> values;
  for (const auto& [key, value] : source.cast<py::dict>()) {
    const auto name = key.cast<std::string>();
    if (py::isinstance<py::bool_>(value)) {
      values[name] = value.cast<bool>();
    } else if (py::isinstance<py::str>(value)) {
      values[name] = value.cast<std::string>();
    } else if (py::isinstance<py::int_>(value) || py::isinstance<py::float_>(value)) {
      values[name] = value.cast<double>();
    } else if (py::isinstance<py::dict>(value)) {
      values[name] = std::vector<Parameters>{to_parameters(section + "." + name, value)};
    } else if (py::isinstance<py::sequence>(value)) {
      values[name] = to_row(section + "." + name, value.cast<py::sequence>());
    } else {
      fail_type(section + "." + name + " must be a number, a switch, a string, a section, or a row of these");
    }
  }
  return {section, std::move(values)};
}

array::Batch batch_of(const FloatArray& a, const char* name, std::size_t features, const array::Shape& shape,
                      bool lockstep) {
  const auto n = static_cast<py::ssize_t>(shape.instances);
  const bool per_instance = lockstep && a.ndim() == 3 && a.shape(0) == n;
  const bool fits = (a.ndim() == 2 || per_instance) && a.shape(a.ndim() - 1) == static_cast<py::ssize_t>(features);
  if (!fits) {
    std::string expected = "(batch, " + std::to_string(features) + ")";
    if (lockstep) expected += " or (" + std::to_string(n) + ", batch, " + std::to_string(features) + ")";
    fail_value(std::string(name) + " must have shape " + expected + ", got " + shape_text(a));
  }
  return {a.data(), static_cast<std::size_t>(a.shape(a.ndim() - 2)), features, per_instance};
}

bool check_weight(const FloatArray& w, const char* name, const array::Shape& shape, bool lockstep) {
  const auto out = static_cast<py::ssize_t>(shape.out_features);
  const auto in = static_cast<py::ssize_t>(shape.in_features);
  const auto n = static_cast<py::ssize_t>(shape.instances);
  const bool per_instance = w.ndim() == 3;
  const bool fits = (w.ndim() == 2 && w.shape(0) == out && w.shape(1) == in) ||
                    (lockstep && per_instance && w.shape(0) == n && w.shape(1) == out && w.shape(2) == in);
  if (fits) return per_instance;
  std::string expected = "(" + std::to_string(out) + ", " + std::to_string(in) + ")";
  if (lockstep) expected += " or (" + std::to_string(n) + ", " + std::to_string(out) + ", " + std::to_string(in) + ")";
  fail_value(std::string(name) + " must have shape " + expected + ", got " + shape_text(w));
}

FloatArray to_float_array(const py::handle& value, const char* name) {
  FloatArray result;
  if (py::isinstance<FloatArray>(value)) {
    result = py::reinterpret_borrow<FloatArray>(value);
  } else {
    const py::array any = py::array::ensure(value);
    if (!any) {
      PyErr_Clear();
      fail_type(std::string(name) + " must be an array of numbers");
    }
    const char kind = any.dtype().kind();
    if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') {
      fail_type(std::string(name) + " must be an array of real numbers, got dtype " +
                py::str(any.dtype()).cast<std::string>());
    }
    // By way of double, so that a number beyond float32 becomes an infinity without numpy's warning.
    const auto wide = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(any);
    if (!wide) {
      PyErr_Clear();
      fail_type(std::string(name) + " cannot be converted to float32");
    }
    result = FloatArray(std::vector<py::ssize_t>(wide.shape(), wide.shape() + wide.ndim()));
    std::transform(wide.data(), wide.data() + wide.size(), result.mutable_data(),
                   [](double v) { return static_cast<float>(v); });
  }
  if (!simd::all_finite(result.data(), static_cast<std::size_t>(result.size()))) {
    fail_value(std::string(name) + " must be finite, got NaN or infinity (or a value beyond float32)");
  }
  return result;
}

void register_tile(py::module_& m) {
  py::class_<TileHandle>(m, "TileHandle", py::module_local());
  py::class_<PyTile, TileHandle>(m, "Tile", py::module_local())
      .def(py::init<std::size_t, std::size_t, const std::vector<std::uint64_t>&, const py::dict&, bool, py::object>(),
           py::arg("out_features"), py::arg("in_features"), py::arg("keys"), py::arg("config"), py::arg("lockstep"),
           py::arg("host"))
      .def("forward", &PyTile::forward, py::arg("x"), py::arg("noise"), py::arg("evaluation"))
      .def("backward", &PyTile::backward, py::arg("d"), py::arg("noise"), py::arg("evaluation"))
      .def("update", &PyTile::update, py::arg("x"), py::arg("d"), py::arg("lr"))
      .def("pulse", &PyTile::pulse, py::arg("array"), py::arg("x"), py::arg("d"), py::arg("lr"), py::arg("update"))
      .def("set_part", &PyTile::set_part, py::arg("array"), py::arg("weight"), py::arg("part"))
      .def("part_names", &PyTile::part_names, py::arg("array"))
      .def("update_steps", &PyTile::update_steps, py::arg("array"))
      .def("array_granularity", &PyTile::array_granularity, py::arg("array"))
      .def("elapse", &PyTile::elapse, py::arg("seconds"))
      .def("reset", &PyTile::reset, py::arg("mask"))
      .def("stick", &PyTile::stick, py::arg("mask"))
      .def("ages", &PyTile::ages)
      .def("set_weight", &PyTile::set_weight, py::arg("weight"), py::arg("part") = "")
      .def("array", &PyTile::array, py::arg("name"))
      .def("array_names", &PyTile::array_names)
      .def("state_names", &PyTile::state_names)
      .def("counters", &PyTile::counters)
      .def("load_state", &PyTile::load_state, py::arg("arrays"), py::arg("counters"))
      .def("memory_bytes", &PyTile::memory_bytes)
      .def("buffer_bytes", &PyTile::buffer_bytes)
      .def("granularity", &PyTile::granularity);
}

}  // namespace mho::bindings
