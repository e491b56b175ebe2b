#include "mho/network/network.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "mho/error.h"

namespace mho::network {

namespace {
// Several times what it takes to wake a thread.
constexpr std::chrono::microseconds worthwhile_step{400};
}  // namespace

Network::Network(std::vector<std::shared_ptr<Stage>> stages)
    : stages_(std::move(stages)), outputs_(stages_.size()), gradients_(stages_.size()) {
  if (stages_.empty()) fail_value("a network must have at least one stage");
  const auto trained = std::find_if(stages_.begin(), stages_.end(), [](const auto& s) { return s->trainable(); });
  lowest_trained_ = static_cast<std::size_t>(trained - stages_.begin());
}

Network::Result Network::train(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr,
                               Threads threads) {
  Result result{};
  const auto timed = [&](Threads allowed) {
    const auto started = std::chrono::steady_clock::now();
    result = step(x, labels, loss, lr, allowed);
    last_ = std::chrono::steady_clock::now() - started;
  };
  // A step with a team takes less time; that must not end the team.
  kept_awake_ = threads.always || last_ >= (kept_awake_ ? worthwhile_step / 2 : worthwhile_step);
  if (kept_awake_) {
    with_team(threads, timed);
  } else {
    timed(threads);
  }
  return result;
}

Network::Result Network::step(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr,
                              Threads threads) {
  if (!std::isfinite(lr) || lr < 0) fail_value("lr must be >= 0, got " + std::to_string(lr));
  const Reading reading{true, false, threads};
  const std::size_t depth = stages_.size();

  // Whatever the caller got wrong is found before anything is read.
  std::vector<array::Batch> seen{x};  // what goes into each stage, and the outputs
  for (std::size_t i = 0; i < depth; ++i) {
    const std::size_t width = stages_[i]->outputs(seen[i].features);
    outputs_[i].resize(x.samples * width);
    seen.push_back({outputs_[i].data(), x.samples, width, false});
  }
  const Outputs outputs{seen.back().data, x.samples, seen.back().features};
  if (outputs.samples == 0 || outputs.n == 0) fail_value("there must be at least one sample and one output");
  if (const auto wrong = wrong_label(labels, outputs.samples, outputs.n)) {
    fail_value("labels must be in 0 .. " + std::to_string(outputs.n - 1) + ", got " + std::to_string(*wrong));
  }

  for (std::size_t i = 0; i < depth; ++i) stages_[i]->forward(seen[i], outputs_[i].data(), reading);
  gradients_[depth - 1].resize(outputs.samples * outputs.n);
  float* const gradient = gradients_[depth - 1].data();
  const Result result{loss == Loss::cross_entropy ? cross_entropy(outputs, labels, gradient)
                                                  : mean_squared_error(outputs, labels, gradient),
                      count_errors(outputs, labels)};
  if (!std::isfinite(result.loss)) {
    fail_value(std::string("the loss is ") + (std::isnan(result.loss) ? "nan" : "inf"));
  }

  const auto gradient_of = [&](std::size_t i) {
    return array::Batch{gradients_[i].data(), x.samples, seen[i + 1].features, false};
  };
  for (std::size_t i = depth - 1; i > lowest_trained_; --i) {
    gradients_[i - 1].resize(x.samples * seen[i].features);
    stages_[i]->backward(gradient_of(i), seen[i].data, seen[i + 1].data, gradients_[i - 1].data(), reading);
  }
  for (std::size_t i = lowest_trained_; i < depth; ++i) stages_[i]->check_update(gradient_of(i), lr);
  for (std::size_t i = lowest_trained_; i < depth; ++i) stages_[i]->update(seen[i], gradient_of(i), lr, threads);
  return result;
}

}  // namespace mho::network
