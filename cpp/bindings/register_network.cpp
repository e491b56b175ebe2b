// Networks: the layers that the engine knows, losses, and a step of training of all of them in one call.
#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bindings.h"
#include "mho/error.h"
#include "mho/network/activation.h"
#include "mho/network/linear.h"
#include "mho/network/loss.h"
#include "mho/network/network.h"
#include "occupied.h"
#include "tile_handle.h"

namespace mho::bindings {

namespace {

using LabelArray = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

std::vector<py::ssize_t> extents_of(const py::array& a) { return {a.shape(), a.shape() + a.ndim()}; }

// Vectors of so many numbers as rows.
array::Batch rows_of(const FloatArray& a, const char* name, std::size_t features) {
  if (a.ndim() != 2 || a.shape(1) != static_cast<py::ssize_t>(features)) {
    fail_value(std::string(name) + " must have shape (batch, " + std::to_string(features) + "), got " + shape_text(a));
  }
  return {a.data(), static_cast<std::size_t>(a.shape(0)), features, false};
}

// The outputs of a network, each sample with a label.
network::Outputs outputs_of(const FloatArray& y, const LabelArray& labels) {
  if (y.ndim() != 2 || y.shape(1) == 0 || labels.ndim() != 1 || y.shape(0) != labels.size()) {
    fail_value("y must have a row for each label, got " + shape_text(y));
  }
  return {y.data(), static_cast<std::size_t>(y.shape(0)), static_cast<std::size_t>(y.shape(1))};
}

network::Loss loss_of(const std::string& name) {
  if (name == "cross_entropy") return network::Loss::cross_entropy;
  if (name == "mse") return network::Loss::mean_squared_error;
  fail_value("loss must be cross_entropy or mse, got " + name);
}

network::Bias bias_of(const std::string& kind) {
  if (kind == "none") return network::Bias::none;
  if (kind == "digital") return network::Bias::digital;
  if (kind == "analog") return network::Bias::analog;
  fail_value("bias must be none, digital or analog, got " + kind);
}

class PyStage {
 public:
  PyStage(std::shared_ptr<network::Stage> stage, std::vector<const TileHandle*> tiles)
      : stage_(std::move(stage)), tiles_(std::move(tiles)) {}
  [[nodiscard]] const std::shared_ptr<network::Stage>& stage() const { return stage_; }
  [[nodiscard]] const std::vector<const TileHandle*>& tiles() const { return tiles_; }

 private:
  std::shared_ptr<network::Stage> stage_;
  std::vector<const TileHandle*> tiles_;
};

// Several tiles at once, or none of them.
std::vector<Occupied> occupy(const std::vector<const TileHandle*>& tiles) {
  std::vector<Occupied> all;
  all.reserve(tiles.size());
  for (const TileHandle* tile : tiles) all.push_back(tile->occupy());
  return all;
}

class PyActivation : public PyStage {
 public:
  explicit PyActivation(const std::string& function) : PyStage(std::make_shared<network::Activation>(function), {}) {}

  FloatArray forward(const FloatArray& x) {
    FloatArray y(extents_of(x));
    stage()->forward(flat(x), y.mutable_data(), {});
    return y;
  }
  FloatArray backward(const FloatArray& d, const FloatArray& y) {
    if (extents_of(d) != extents_of(y)) fail_value("d must have the shape of y, got " + shape_text(d));
    FloatArray dx(extents_of(d));
    stage()->backward(flat(d), nullptr, y.data(), dx.mutable_data(), {});
    return dx;
  }

 private:
  static array::Batch flat(const FloatArray& a) { return {a.data(), 1, static_cast<std::size_t>(a.size()), false}; }
};

class PyLinear : public PyStage {
 public:
  PyLinear(const py::list& tiles, const std::vector<std::size_t>& row_edges,
           const std::vector<std::size_t>& column_edges, const std::string& bias)
      : PyLinear(tiles, handles_of(tiles), row_edges, column_edges, bias) {}

  FloatArray forward(const FloatArray& x, bool noise, bool evaluation) {
    return read(x, "x", linear_.in_features(), linear_.out_features(), [&](const array::Batch& batch, float* y) {
      linear_.forward(batch, y, {noise, evaluation, current_threads()});
    });
  }
  FloatArray backward(const FloatArray& d, bool noise, bool evaluation) {
    return read(d, "d", linear_.out_features(), linear_.in_features(), [&](const array::Batch& batch, float* dx) {
      linear_.backward(batch, nullptr, nullptr, dx, {noise, evaluation, current_threads()});
    });
  }
  void check_update(const FloatArray& x, const FloatArray& d, double lr) {
    with_checked_update(x, d, lr, [](const array::Batch&, const array::Batch&) {});
  }
  void update(const FloatArray& x, const FloatArray& d, double lr) {
    with_checked_update(x, d, lr, [&](const array::Batch& x_batch, const array::Batch& d_batch) {
      linear_.update(x_batch, d_batch, lr, current_threads());
    });
  }

  void set_scales(std::vector<std::vector<float>> scales) {
    const std::vector<Occupied> occupied = occupy(tiles());
    linear_.set_scales(std::move(scales));
  }
  void set_bias(std::vector<float> bias) {
    const std::vector<Occupied> occupied = occupy(tiles());
    linear_.set_bias(std::move(bias));
  }
  FloatArray bias() {
    const std::vector<Occupied> occupied = occupy(tiles());
    const std::vector<float>& values = linear_.bias();
    return FloatArray(static_cast<py::ssize_t>(values.size()), values.data());
  }
  void set_rate_scale(double scale) {
    const std::vector<Occupied> occupied = occupy(tiles());
    linear_.set_rate_scale(scale);
  }

 private:
  PyLinear(py::list tiles, const std::vector<const TileHandle*>& handles, const std::vector<std::size_t>& row_edges,
           const std::vector<std::size_t>& column_edges, const std::string& bias)
      : PyStage(std::make_shared<network::Linear>(tiles_of(handles), row_edges, column_edges, bias_of(bias)), handles),
        linear_(static_cast<network::Linear&>(*stage())),
        kept_(std::move(tiles)) {}

  template <class Update>
  void with_checked_update(const FloatArray& x, const FloatArray& d, double lr, Update&& update) {
    const array::Batch x_batch = rows_of(x, "x", linear_.in_features());
    const array::Batch d_batch = rows_of(d, "d", linear_.out_features());
    if (x_batch.samples != d_batch.samples) fail_value("x and d must have the same batch size");
    const std::vector<Occupied> occupied = occupy(tiles());
    const py::gil_scoped_release release;
    linear_.check_update(x_batch, d_batch, lr);
    update(x_batch, d_batch);
  }

  template <class Read>
  FloatArray read(const FloatArray& values, const char* name, std::size_t inputs, std::size_t outputs, Read&& compute) {
    const array::Batch batch = rows_of(values, name, inputs);
    FloatArray result({values.shape(0), static_cast<py::ssize_t>(outputs)});
    float* target = result.mutable_data();
    const std::vector<Occupied> occupied = occupy(tiles());
    const py::gil_scoped_release release;
    compute(batch, target);
    return result;
  }

  static std::vector<const TileHandle*> handles_of(const py::list& tiles) {
    std::vector<const TileHandle*> handles;
    for (const py::handle tile : tiles) handles.push_back(&tile.cast<const TileHandle&>());
    return handles;
  }
  static std::vector<std::shared_ptr<tile::Tile>> tiles_of(const std::vector<const TileHandle*>& handles) {
    std::vector<std::shared_ptr<tile::Tile>> tiles;
    for (const TileHandle* handle : handles) tiles.push_back(handle->tile);
    return tiles;
  }

  network::Linear& linear_;
  py::list kept_;  // the tiles as Python sees them, which their rules may call
};

// Mean loss, and errors.
using BatchResult = std::pair<double, std::size_t>;

array::Batch samples_of(const FloatArray& x, const LabelArray& labels) {
  if (x.ndim() != 2) fail_value("x must have shape (samples, in), got " + shape_text(x));
  if (labels.ndim() != 1 || labels.size() != x.shape(0)) {
    fail_value("labels must have shape (" + std::to_string(x.shape(0)) + ",), got " + shape_text(labels));
  }
  return {x.data(), static_cast<std::size_t>(x.shape(0)), static_cast<std::size_t>(x.shape(1)), false};
}

class PyNetwork {
 public:
  explicit PyNetwork(const py::list& stages) : network_(stages_of(stages)), kept_(stages) {
    for (const py::handle stage : stages) {
      for (const TileHandle* tile : stage.cast<const PyStage&>().tiles()) {
        if (std::find(tiles_.begin(), tiles_.end(), tile) == tiles_.end()) tiles_.push_back(tile);
      }
    }
  }

  // Calls compute() without the interpreter, while nobody else may use the network or its tiles.
  template <class Compute> auto in_use(Compute&& compute) {
    const Occupied network(busy_, "network");
    const std::vector<Occupied> occupied = occupy(tiles_);
    const py::gil_scoped_release release;
    return compute();
  }

  BatchResult train(const FloatArray& x, const LabelArray& labels, const std::string& loss, double lr) {
    const array::Batch batch = samples_of(x, labels);
    const network::Loss kind = loss_of(loss);
    return in_use([&] {
      const network::Network::Result result = network_.train(batch, labels.data(), kind, lr, current_threads());
      return BatchResult{result.loss, result.errors};
    });
  }
  [[nodiscard]] network::Network& network() { return network_; }

 private:
  static std::vector<std::shared_ptr<network::Stage>> stages_of(const py::list& stages) {
    std::vector<std::shared_ptr<network::Stage>> all;
    for (const py::handle stage : stages) all.push_back(stage.cast<const PyStage&>().stage());
    return all;
  }

  network::Network network_;
  py::list kept_;
  std::vector<const TileHandle*> tiles_;  // each once
  std::atomic<bool> busy_{false};
};

// A pass of a network through samples, which it keeps.
class PyEpoch {
 public:
  PyEpoch(PyNetwork& network, FloatArray x, LabelArray labels, LabelArray order, std::size_t batch_size,
          const std::string& loss)
      : network_(network),
        x_(std::move(x)),
        labels_(std::move(labels)),
        order_(std::move(order)),
        loss_(loss_of(loss)) {
    if (order_.ndim() != 1 || order_.size() == 0) fail_value("order must have shape (n,), got " + shape_text(order_));
    if (batch_size == 0) fail_value("batch_size must be >= 1, got 0");
    const std::span<const std::int64_t> order_of{order_.data(), static_cast<std::size_t>(order_.size())};
    epoch_ = {samples_of(x_, labels_), labels_.data(), order_of, batch_size};
    // Numbers of samples are in a range from 0 on, as labels are.
    if (const auto wrong = network::wrong_label(order_of.data(), order_of.size(), epoch_.x.samples)) {
      fail_value("order must be in 0 .. " + std::to_string(epoch_.x.samples - 1) + ", got " + std::to_string(*wrong));
    }
  }

  [[nodiscard]] std::size_t done() const { return done_; }

  // Goes on for so many batches, and for so many seconds, at most. The batches before one that fails are done.
  std::vector<BatchResult> train(double lr, std::size_t batches, double seconds) {
    const auto time =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(std::fmin(seconds, 1e9)));
    const std::vector<network::Network::Result> results = network_.in_use([&] {
      network::Epoch left = epoch_;
      left.order = left.order.subspan(std::min(done_ * left.batch_size, left.order.size()));
      std::vector<network::Network::Result> trained;
      if (left.order.empty()) return trained;
      try {
        network_.network().train(left, std::min(batches, left.batches()), time, loss_, lr, current_threads(), trained);
      } catch (...) {
        done_ += trained.size();
        throw;
      }
      done_ += trained.size();
      return trained;
    });
    std::vector<BatchResult> pairs;
    for (const network::Network::Result& one : results) pairs.emplace_back(one.loss, one.errors);
    return pairs;
  }

 private:
  PyNetwork& network_;
  FloatArray x_;
  LabelArray labels_, order_;
  network::Loss loss_;
  network::Epoch epoch_{};
  std::atomic<std::size_t> done_{0};
};

std::optional<std::int64_t> wrong_label(const LabelArray& labels, std::size_t classes) {
  return network::wrong_label(labels.data(), static_cast<std::size_t>(labels.size()), classes);
}

std::size_t count_errors(const FloatArray& y, const LabelArray& labels) {
  return network::count_errors(outputs_of(y, labels), labels.data());
}

// The labels are 0 .. n - 1.
std::pair<double, FloatArray> cross_entropy(const FloatArray& y, const LabelArray& labels) {
  const network::Outputs outputs = outputs_of(y, labels);
  FloatArray d(extents_of(y));
  const double loss = network::cross_entropy(outputs, labels.data(), d.mutable_data());
  return {loss, std::move(d)};
}

std::pair<double, FloatArray> mean_squared_error_of_labels(const FloatArray& y, const LabelArray& labels) {
  const network::Outputs outputs = outputs_of(y, labels);
  FloatArray d(extents_of(y));
  const double loss = network::mean_squared_error(outputs, labels.data(), d.mutable_data());
  return {loss, std::move(d)};
}

std::pair<double, FloatArray> mean_squared_error(const FloatArray& y, const FloatArray& target) {
  if (extents_of(y) != extents_of(target)) fail_value("target must have the shape of y, got " + shape_text(target));
  FloatArray d(extents_of(y));
  const double loss =
      network::mean_squared_error({y.data(), 1, static_cast<std::size_t>(y.size())}, target.data(), d.mutable_data());
  return {loss, std::move(d)};
}

}  // namespace

void register_network(py::module_& m) {
  py::class_<PyStage>(m, "Stage", py::module_local());
  py::class_<PyActivation, PyStage>(m, "Activation", py::module_local())
      .def(py::init<const std::string&>(), py::arg("function"))
      .def("forward", &PyActivation::forward, py::arg("x"))
      .def("backward", &PyActivation::backward, py::arg("d"), py::arg("y"));
  py::class_<PyLinear, PyStage>(m, "Linear", py::module_local())
      .def(py::init<const py::list&, const std::vector<std::size_t>&, const std::vector<std::size_t>&,
                    const std::string&>(),
           py::arg("tiles"), py::arg("row_edges"), py::arg("column_edges"), py::arg("bias"))
      .def("forward", &PyLinear::forward, py::arg("x"), py::arg("noise"), py::arg("evaluation"))
      .def("backward", &PyLinear::backward, py::arg("d"), py::arg("noise"), py::arg("evaluation"))
      .def("check_update", &PyLinear::check_update, py::arg("x"), py::arg("d"), py::arg("lr"))
      .def("update", &PyLinear::update, py::arg("x"), py::arg("d"), py::arg("lr"))
      .def("set_scales", &PyLinear::set_scales, py::arg("scales"))
      .def("set_bias", &PyLinear::set_bias, py::arg("bias"))
      .def("bias", &PyLinear::bias)
      .def("set_rate_scale", &PyLinear::set_rate_scale, py::arg("scale"));
  py::class_<PyNetwork>(m, "Network", py::module_local())
      .def(py::init<const py::list&>(), py::arg("stages"))
      .def("train", &PyNetwork::train, py::arg("x"), py::arg("labels"), py::arg("loss"), py::arg("lr"));
  py::class_<PyEpoch>(m, "Epoch", py::module_local())
      .def(py::init<PyNetwork&, FloatArray, LabelArray, LabelArray, std::size_t, const std::string&>(),
           py::keep_alive<1, 2>(), py::arg("network"), py::arg("x"), py::arg("labels"), py::arg("order"),
           py::arg("batch_size"), py::arg("loss"))
      .def_property_readonly("done", &PyEpoch::done)
      .def("train", &PyEpoch::train, py::arg("lr"), py::arg("batches"), py::arg("seconds"));
  m.def("wrong_label", &wrong_label, py::arg("labels"), py::arg("classes"));
  m.def("count_errors", &count_errors, py::arg("y"), py::arg("labels"));
  m.def("cross_entropy", &cross_entropy, py::arg("y"), py::arg("labels"));
  m.def("mean_squared_error", &mean_squared_error, py::arg("y"), py::arg("target"));
  m.def("mean_squared_error_of_labels", &mean_squared_error_of_labels, py::arg("y"), py::arg("labels"));
}

}  // namespace mho::bindings
