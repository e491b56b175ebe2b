// A chain of stages that is trained by gradient descent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mho/network/loss.h"
#include "mho/network/stage.h"

namespace mho::network {

// Samples with their classes, and the order in which they are taken, in batches; the last one may be smaller.
struct Epoch {
  array::Batch x;
  const std::int64_t* labels;
  std::span<const std::int64_t> order;  // numbers of samples
  std::size_t batch_size;

  [[nodiscard]] std::size_t batches() const { return (order.size() + batch_size - 1) / batch_size; }
};

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
  // One step after the other with the first batches of an epoch: so many of them, or until the time is over, but at
  // least one. Where one fails, those before it are done, and have their results.
  void train(const Epoch& epoch, std::size_t batches, std::chrono::nanoseconds time, Loss loss, double lr,
             Threads threads, std::vector<Result>& results);

 private:
  Result step(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr, Threads threads);
  Result timed_step(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr, Threads threads);
  // Moves the weights of all stages: what went into each and came out of the last one, with their gradients.
  void update(const std::vector<array::Batch>& seen, double lr, Threads threads);
  // Calls body(threads), which takes so long on one of them; they stay awake meanwhile if that pays.
  template <class Body> void with_threads(Threads threads, std::chrono::nanoseconds expected, Body&& body);

  std::vector<std::shared_ptr<Stage>> stages_;
  std::size_t lowest_trained_;
  bool side_by_side_ = true;  // whether stages may be updated at the same time
  // Of the present step: its samples, where they are collected; what comes out of each stage, and the gradient with
  // respect to it.
  std::vector<float> x_;
  std::vector<std::int64_t> labels_;
  std::vector<std::vector<float>> outputs_, gradients_;
  // How long the last step took, without waiting for threads to wake.
  std::chrono::nanoseconds last_{0};
  bool kept_awake_ = false;
};

}  // namespace mho::network
