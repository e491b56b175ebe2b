// Elementwise functions between the layers of a network, computed digitally.
#pragma once

#include <string>

#include "mho/network/stage.h"

namespace mho::network {

class Activation final : public Stage {
 public:
  // "sigmoid", "tanh" or "relu".
  explicit Activation(const std::string& function);

  [[nodiscard]] std::size_t outputs(std::size_t inputs) const override { return inputs; }
  void forward(const array::Batch& x, float* y, const Reading& reading) override;
  // Of x and y, y alone is looked at.
  void backward(const array::Batch& d, const float* x, const float* y, float* dx, const Reading& reading) override;

 private:
  enum class Function { sigmoid, tanh, relu };
  Function function_;
};

}  // namespace mho::network
