#include <pybind11/stl.h>

#include <algorithm>
#include <thread>

#include "bindings.h"
#include "hardware.h"
#include "mho/error.h"

namespace mho::bindings {

namespace {

using HostedLine = rule::HostedRule::Line;

HostedLine line_of(bool columns) { return columns ? HostedLine::column : HostedLine::row; }

// Places of lines or of samples.
std::vector<std::size_t> indices(const Hardware::Integers& values, const char* name) {
  if (values.ndim() != 1) fail_value(std::string(name) + " must be a row of numbers, got shape " + shape_text(values));
  std::vector<std::size_t> result;
  for (py::ssize_t i = 0; i < values.size(); ++i) {
    const std::int64_t value = values.data()[i];
    if (value < 0) fail_value(std::string(name) + " must be >= 0, got " + std::to_string(value));
    result.push_back(static_cast<std::size_t>(value));
  }
  return result;
}

}  // namespace

Hardware::Use::Use(Hardware& owner) : occupied_(owner.busy_, "array") {
  if (owner.rule_ == nullptr) fail_runtime("the arrays and buffers of a rule can be used only while its update runs");
}

void Hardware::close() {
  if (busy_.exchange(true)) {
    // Another thread of the rule is still at work.
    const py::gil_scoped_release release;
    while (busy_.exchange(true)) std::this_thread::yield();
  }
  rule_ = nullptr;
  busy_.store(false);
}

std::vector<py::ssize_t> Hardware::extents(std::size_t rows, std::size_t columns) const {
  std::vector<py::ssize_t> result;
  if (lockstep_) result.push_back(static_cast<py::ssize_t>(rule_->shape().instances));
  result.push_back(static_cast<py::ssize_t>(rows));
  result.push_back(static_cast<py::ssize_t>(columns));
  return result;
}

std::pair<std::vector<double>, bool> Hardware::rates_of(const py::object& lr, std::size_t samples) const {
  const auto check = [](double rate) {
    if (!(rate >= 0 && rate <= 1e12)) fail_value("lr must be >= 0 and <= 1e+12, got " + std::to_string(rate));
  };
  if (PyFloat_Check(lr.ptr())) {  // the usual case, without an array
    const double rate = PyFloat_AS_DOUBLE(lr.ptr());
    check(rate);
    return {{rate}, false};
  }
  const auto given = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(lr);
  if (!given) {
    PyErr_Clear();
    fail_type("lr must be a number, or an array of numbers");
  }
  const auto n = static_cast<py::ssize_t>(samples);
  const auto instances = static_cast<py::ssize_t>(rule_->shape().instances);
  const bool each = given.ndim() == 1 && given.shape(0) == n;
  const bool all = lockstep_ && given.ndim() == 2 && given.shape(0) == instances && given.shape(1) == n;
  if (given.ndim() != 0 && !each && !all) {
    fail_value("lr must be a number or have shape (" + std::to_string(n) + ",)" +
               (lockstep_ ? " or (" + std::to_string(instances) + ", " + std::to_string(n) + ")" : "") + ", got " +
               shape_text(given));
  }
  std::vector<double> rates(given.data(), given.data() + given.size());
  std::ranges::for_each(rates, check);
  if (each) {
    for (py::ssize_t k = 1; k < instances; ++k) rates.insert(rates.end(), given.data(), given.data() + n);
  }
  return {std::move(rates), given.ndim() != 0};
}

FloatArray Hardware::pulse(std::size_t array, const py::object& x_object, const py::object& d_object,
                           const py::object& lr, Trains update, bool columns, const Integers& samples,
                           const Integers& lines) {
  const Use use(*this);
  const FloatArray x = to_float_array(x_object, "x");
  const FloatArray d = to_float_array(d_object, "d");
  const array::Batch x_batch = batch_of(x, "x", rule_->shape().in_features, rule_->shape(), lockstep_);
  const array::Batch d_batch = batch_of(d, "d", rule_->shape().out_features, rule_->shape(), lockstep_);
  if (x_batch.samples != d_batch.samples) {
    fail_value("x and d must have the same batch size, got " + std::to_string(x_batch.samples) + " and " +
               std::to_string(d_batch.samples));
  }
  const auto [rates, by_sample] = rates_of(lr, x_batch.samples);
  const auto after = indices(samples, "samples");
  const auto which = indices(lines, "lines");
  if (after.size() != which.size()) fail_value("samples and lines must have the same length");
  std::vector<rule::HostedRule::LineRead> reads;
  for (std::size_t r = 0; r < after.size(); ++r) reads.push_back({after[r], which[r]});
  FloatArray values(extents(reads.size(), rule_->line_length(line_of(columns))));
  float* target = values.mutable_data();
  const py::gil_scoped_release release;
  rule_->pulse(array, x_batch, d_batch, {rates.data(), by_sample ? x_batch.samples : 0}, update, line_of(columns),
               reads, target, current_threads());
  return values;
}

FloatArray Hardware::read_lines(std::size_t array, const Integers& lines, bool columns) {
  const Use use(*this);
  const auto which = indices(lines, "lines");
  FloatArray values(extents(which.size(), rule_->line_length(line_of(columns))));
  float* target = values.mutable_data();
  const py::gil_scoped_release release;
  rule_->read_lines(array, line_of(columns), which, target, current_threads());
  return values;
}

void Hardware::pulse_lines(std::size_t array, const Integers& lines, const py::object& values_object,
                           const py::object& lr, Trains update, bool columns) {
  const Use use(*this);
  const auto which = indices(lines, "lines");
  const array::Shape& shape = rule_->shape();
  const std::size_t n = which.size();
  const std::size_t length = rule_->line_length(line_of(columns));
  for (const std::size_t line : which) rule_->check_line(line_of(columns), line);
  const FloatArray values = to_float_array(values_object, "values");
  const array::Batch moves = batch_of(values, "values", length, shape, lockstep_);
  if (moves.samples != n) {
    fail_value("lines and values must have the same length, got " + std::to_string(n) + " and " +
               std::to_string(moves.samples));
  }
  const auto [rates, by_sample] = rates_of(lr, n);
  // The line alone on one side, and what it moves by, with the sign of an error, on the other.
  std::vector<float> one(n * rule_->lines(line_of(columns)));
  for (std::size_t e = 0; e < n; ++e) one[e * rule_->lines(line_of(columns)) + which[e]] = columns ? 1.0F : -1.0F;
  std::vector<float> negative;
  if (columns) {
    negative.resize(static_cast<std::size_t>(values.size()));
    std::transform(values.data(), values.data() + values.size(), negative.begin(), [](float v) { return -v; });
  }
  const array::Batch line{one.data(), n, rule_->lines(line_of(columns)), false};
  const array::Batch across{columns ? negative.data() : values.data(), n, length, moves.per_instance};
  const py::gil_scoped_release release;
  rule_->pulse(array, columns ? line : across, columns ? across : line, {rates.data(), by_sample ? n : 0}, update,
               line_of(columns), {}, nullptr, current_threads());
}

FloatArray Hardware::read(std::size_t array, const py::object& object, bool forward) {
  const Use use(*this);
  const array::Shape& shape = rule_->shape();
  const FloatArray x = to_float_array(object, forward ? "x" : "d");
  const array::Batch batch =
      batch_of(x, forward ? "x" : "d", forward ? shape.in_features : shape.out_features, shape, lockstep_);
  FloatArray y(extents(batch.samples, forward ? shape.out_features : shape.in_features));
  float* target = y.mutable_data();
  const py::gil_scoped_release release;
  rule_->read(array, forward ? periphery::Direction::forward : periphery::Direction::backward, batch, target,
              current_threads());
  return y;
}

void Hardware::pulse_by_count(std::size_t array, const py::object& object, bool pulse_by_pulse) {
  const Use use(*this);
  const FloatArray counts = to_float_array(object, "counts");
  const bool per_instance = check_weight(counts, "counts", rule_->shape(), lockstep_);
  const py::gil_scoped_release release;
  rule_->pulse_by_count(array, counts.data(), per_instance, pulse_by_pulse, current_threads());
}

std::size_t Hardware::program(std::size_t array, const py::object& object) {
  const Use use(*this);
  const FloatArray w = to_float_array(object, "weight");
  return rule_->program(array, w.data(), check_weight(w, "weight", rule_->shape(), lockstep_));
}

FloatArray Hardware::weight(std::size_t array) {
  const Use use(*this);
  FloatArray w(extents(rule_->shape().out_features, rule_->shape().in_features));
  rule_->array(array).crosspoints().copy_plane("weight", w.mutable_data());
  return w;
}

double Hardware::granularity(std::size_t array) {
  const Use use(*this);
  return rule_->array(array).crosspoints().granularity();
}

py::array Hardware::buffer(const std::string& name) {
  const Use use(*this);
  auto* kept = new std::shared_ptr<rule::Buffer>(rule_->buffer(name));
  const py::capsule owner(kept, [](void* p) { delete static_cast<std::shared_ptr<rule::Buffer>*>(p); });
  return FloatArray(extents((*kept)->rows, (*kept)->columns), (*kept)->values.data(), owner);
}

void Hardware::count_operations(std::int64_t operations) {
  const Use use(*this);
  if (operations < 0) fail_value("operations must be >= 0, got " + std::to_string(operations));
  rule_->count_operations(static_cast<std::uint64_t>(operations));
}

std::uint64_t Hardware::samples() {
  const Use use(*this);
  return rule_->samples();
}

std::pair<Hardware::Integers, Hardware::Integers> Hardware::schedule(std::int64_t every, std::int64_t lines,
                                                                     std::int64_t batch) {
  const Use use(*this);
  if (every < 1) fail_value("every must be >= 1, got " + std::to_string(every));
  if (lines < 1) fail_value("lines must be >= 1, got " + std::to_string(lines));
  const auto before = static_cast<std::int64_t>(rule_->samples());
  const std::int64_t first = before / every;
  const std::int64_t count = (before + batch) / every - first;
  Integers samples(count);
  Integers which(count);
  for (std::int64_t r = 0; r < count; ++r) {
    samples.mutable_data()[r] = (first + r + 1) * every - before - 1;
    which.mutable_data()[r] = (first + r) % lines;
  }
  return {samples, which};
}

void register_hardware(py::module_& m) {
  py::class_<pulse::UpdateParameters>(m, "UpdateParameters", py::module_local())
      .def(py::init([](const py::dict& values) {
             Parameters section = to_parameters("update", values);
             return pulse::UpdateParameters(section);
           }),
           py::arg("values"));
  py::class_<Hardware, std::shared_ptr<Hardware>>(m, "Hardware", py::module_local())
      .def("pulse", &Hardware::pulse, py::arg("array"), py::arg("x"), py::arg("d"), py::arg("lr"), py::arg("update"),
           py::arg("columns"), py::arg("samples"), py::arg("lines"))
      .def("pulse_lines", &Hardware::pulse_lines, py::arg("array"), py::arg("lines"), py::arg("values"), py::arg("lr"),
           py::arg("update"), py::arg("columns"))
      .def("read_lines", &Hardware::read_lines, py::arg("array"), py::arg("lines"), py::arg("columns"))
      .def("read", &Hardware::read, py::arg("array"), py::arg("x"), py::arg("forward"))
      .def("pulse_by_count", &Hardware::pulse_by_count, py::arg("array"), py::arg("counts"), py::arg("pulse_by_pulse"))
      .def("program", &Hardware::program, py::arg("array"), py::arg("weight"))
      .def("weight", &Hardware::weight, py::arg("array"))
      .def("granularity", &Hardware::granularity, py::arg("array"))
      .def("buffer", &Hardware::buffer, py::arg("name"))
      .def("count_operations", &Hardware::count_operations, py::arg("operations"))
      .def("samples", &Hardware::samples)
      .def("schedule", &Hardware::schedule, py::arg("every"), py::arg("lines"), py::arg("batch"));
}

}  // namespace mho::bindings
