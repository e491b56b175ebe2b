// A step of a network, without memory of what went through it: what goes in and what comes out is kept by whoever
// calls.
#pragma once

#include <cstddef>

#include "mho/array/crosspoints.h"
#include "mho/parallel.h"

namespace mho::network {

// How tiles are read.
struct Reading {
  bool noise;
  bool evaluation;
  Threads threads;
};

// Vectors are rows. Outputs and gradients must not overlap with what goes in.
class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage() = default;

  // Numbers that come out for so many that go in; throws where these cannot go in.
  [[nodiscard]] virtual std::size_t outputs(std::size_t inputs) const = 0;
  [[nodiscard]] virtual bool trainable() const { return false; }
  // Whether it may be updated while other stages are.
  [[nodiscard]] virtual bool independent() const { return true; }

  virtual void forward(const array::Batch& x, float* y, const Reading& reading) = 0;
  // The gradient with respect to x, from d, that with respect to y, and what went in and came out.
  virtual void backward(const array::Batch& d, const float* x, const float* y, float* dx, const Reading& reading) = 0;

  // Throws where what is given cannot be updated with, and changes nothing. Goes before `update`, which then does not
  // fail but for what nobody could foresee.
  virtual void check_update(const array::Batch& /*x*/, const array::Batch& /*d*/, double /*lr*/) {}
  virtual void update(const array::Batch& /*x*/, const array::Batch& /*d*/, double /*lr*/, Threads /*threads*/) {}
};

}  // namespace mho::network
