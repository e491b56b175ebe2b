// What a network computes digitally beside its tiles. Every operation is rounded as it is written, and none is a
// function that libraries round differently (exp, log, tanh): those are numpy's.
#include <pybind11/stl.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "bindings.h"
#include "mho/error.h"

namespace mho::bindings {

namespace {

using LabelArray = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
// One that is changed in place, which no conversion may come between.
using InPlace = py::array_t<float, py::array::c_style>;

// The samples of (samples, n), each as a row of n.
struct Rows {
  std::size_t samples;
  std::size_t n;
};

Rows rows_of(const py::array& a, const char* name, py::ssize_t n) {
  if (a.ndim() != 2 || a.shape(1) != n) {
    fail_value(std::string(name) + " must have shape (batch, " + std::to_string(n) + "), got " + shape_text(a));
  }
  return {static_cast<std::size_t>(a.shape(0)), static_cast<std::size_t>(n)};
}

Rows rows_of(const py::array& a, const char* name, const LabelArray& labels) {
  if (a.ndim() != 2 || a.shape(1) == 0 || a.shape(0) != labels.size()) {
    fail_value(std::string(name) + " must have a row for each label, got " + shape_text(a));
  }
  return {static_cast<std::size_t>(a.shape(0)), static_cast<std::size_t>(a.shape(1))};
}

void add_bias(InPlace y, const FloatArray& bias) {
  const Rows rows = rows_of(y, "y", bias.size());
  float* row = y.mutable_data();
  const float* added = bias.data();
  for (std::size_t s = 0; s < rows.samples; ++s, row += rows.n) {
    for (std::size_t i = 0; i < rows.n; ++i) row[i] += added[i];
  }
}

// Sample by sample, in order.
void accumulate_bias(InPlace bias, const FloatArray& d, double lr) {
  const Rows rows = rows_of(d, "d", bias.size());
  float* target = bias.mutable_data();
  const float* row = d.data();
  const auto rate = static_cast<float>(lr);
  for (std::size_t s = 0; s < rows.samples; ++s, row += rows.n) {
    for (std::size_t i = 0; i < rows.n; ++i) target[i] -= rate * row[i];
  }
}

// The first label that is none of 0 .. classes - 1.
std::optional<std::int64_t> wrong_label(const LabelArray& labels, std::int64_t classes) {
  const std::int64_t* label = labels.data();
  for (py::ssize_t s = 0; s < labels.size(); ++s) {
    if (label[s] < 0 || label[s] >= classes) return label[s];
  }
  return std::nullopt;
}

// The place of the largest number, the first of equal ones; that of the first NaN where there is one.
std::size_t peak_of(const float* row, std::size_t n) {
  std::size_t peak = 0;
  for (std::size_t i = 1; i < n && !std::isnan(row[peak]); ++i) {
    if (!(row[i] <= row[peak])) peak = i;
  }
  return peak;
}

std::size_t count_errors(const FloatArray& y, const LabelArray& labels) {
  const Rows rows = rows_of(y, "y", labels);
  std::size_t errors = 0;
  for (std::size_t s = 0; s < rows.samples; ++s) {
    errors += peak_of(y.data() + s * rows.n, rows.n) != static_cast<std::size_t>(labels.data()[s]) ? 1 : 0;
  }
  return errors;
}

// Outputs less the largest of their sample, and of these the ones of the right classes; nothing where a largest one is
// not finite. The labels are 0 .. n - 1.
std::optional<std::pair<FloatArray, FloatArray>> below_peak(const FloatArray& y, const LabelArray& labels) {
  const Rows rows = rows_of(y, "y", labels);
  FloatArray below({y.shape(0), y.shape(1)});
  FloatArray right(y.shape(0));
  const float* from = y.data();
  float* to = below.mutable_data();
  for (std::size_t s = 0; s < rows.samples; ++s, from += rows.n, to += rows.n) {
    const float peak = from[peak_of(from, rows.n)];
    if (!std::isfinite(peak)) return std::nullopt;
    for (std::size_t i = 0; i < rows.n; ++i) to[i] = from[i] - peak;
    right.mutable_data()[s] = to[labels.data()[s]];
  }
  return std::pair(std::move(below), std::move(right));
}

// Turns exp(y) into the gradient of the mean cross-entropy with respect to y. The labels are 0 .. n - 1.
void cross_entropy_gradient(InPlace exp_y, const FloatArray& total, const LabelArray& labels) {
  const Rows rows = rows_of(exp_y, "exp_y", labels);
  if (total.size() != labels.size()) fail_value("total must have an entry for each label");
  const auto samples = static_cast<float>(rows.samples);
  float* row = exp_y.mutable_data();
  for (std::size_t s = 0; s < rows.samples; ++s, row += rows.n) {
    const float sum = total.data()[s];
    for (std::size_t i = 0; i < rows.n; ++i) row[i] /= sum;
    row[labels.data()[s]] -= 1.0F;
    for (std::size_t i = 0; i < rows.n; ++i) row[i] /= samples;
  }
}

}  // namespace

void register_digital(py::module_& m) {
  m.def("add_bias", &add_bias, py::arg("y").noconvert(), py::arg("bias"));
  m.def("accumulate_bias", &accumulate_bias, py::arg("bias").noconvert(), py::arg("d"), py::arg("lr"));
  m.def("wrong_label", &wrong_label, py::arg("labels"), py::arg("classes"));
  m.def("count_errors", &count_errors, py::arg("y"), py::arg("labels"));
  m.def("below_peak", &below_peak, py::arg("y"), py::arg("labels"));
  m.def("cross_entropy_gradient", &cross_entropy_gradient, py::arg("exp_y").noconvert(), py::arg("total"),
        py::arg("labels"));
}

}  // namespace mho::bindings
