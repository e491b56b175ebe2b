// A chain of stages that is trained by gradient descent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "mho/network/loss.h"
#include "mho/network/stage.h"

namespace mho::network {

class Network {
 public:
  // A stage may be in the chain more than once.
  explicit Network(std::vector<std::shared_ptr<Stage>> stages);

  struct Result {
    double loss;         // mean over the samples, before the update
    std::size_t errors;  // samples classified wrongly, likewise
  };
  // One step of gradient descent for some samples and their classes. All gradients are found before the first weight
  // moves; where a loss or a gradient is not finite, none does.
  Result train(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr, Threads threads);

 private:
  Result step(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr, Threads threads);

  std::vector<std::shared_ptr<Stage>> stages_;
  std::size_t lowest_trained_;
  // Of the present step: what comes out of each stage, and the gradient with respect to it.
  std::vector<std::vector<float>> outputs_, gradients_;
  // How long the last step took, without waiting for threads: keeping them awake pays where it is long enough.
  std::chrono::nanoseconds last_{0};
  bool kept_awake_ = false;
};

}  // namespace mho::network
