#include "mho/network/network.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <set>
#include <string>
#include <utility>

#include "mho/error.h"

namespace mho::network {

namespace {
// Several times what it takes to wake a thread.
constexpr std::chrono::microseconds worthwhile_call{400};
}  // namespace

Network::Network(std::vector<std::shared_ptr<Stage>> stages)
    : stages_(std::move(stages)), outputs_(stages_.size()), gradients_(stages_.size()) {
  if (stages_.empty()) fail_value("a network must have at least one stage");
  std::set<const Stage*> trained_ones;
  for (const auto& stage : stages_) {
    if (!stage->trainable()) continue;
    side_by_side_ = side_by_side_ && stage->independent() && trained_ones.insert(stage.get()).second;
  }
  const auto trained = std::find_if(stages_.begin(), stages_.end(), [](const auto& s) { return s->trainable(); });
  lowest_trained_ = static_cast<std::size_t>(trained - stages_.begin());
}

Network::Result Network::train(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr,
                               Threads threads) {
  Result result{};
  with_threads(threads, last_, [&](Threads allowed) { result = timed_step(x, labels, loss, lr, allowed); });
  return result;
}

void Network::train(const Epoch& epoch, std::size_t batches, std::chrono::nanoseconds time, Loss loss, double lr,
                    Threads threads, std::vector<Result>& results) {
  const auto started = std::chrono::steady_clock::now();
  const std::size_t features = epoch.x.features;
  const auto next = [&](Threads allowed) {
    const std::size_t first = results.size() * epoch.batch_size;
    const std::size_t samples = std::min(epoch.batch_size, epoch.order.size() - first);
    x_.resize(samples * features);
    labels_.resize(samples);
    for (std::size_t s = 0; s < samples; ++s) {
      const auto sample = static_cast<std::size_t>(epoch.order[first + s]);
      std::copy_n(epoch.x.data + sample * features, features, x_.data() + s * features);
      labels_[s] = epoch.labels[sample];
    }
    results.push_back(timed_step({x_.data(), samples, features, false}, labels_.data(), loss, lr, allowed));
  };
  const auto time_left = [&] { return time - (std::chrono::steady_clock::now() - started); };
  const auto over = [&] { return results.size() >= batches || time_left() <= std::chrono::nanoseconds::zero(); };
  // Says how long the others will take.
  if (last_ == last_.zero()) {
    next(threads);
    if (over()) return;
  }
  const auto expected = std::min(time_left(), last_ * static_cast<std::int64_t>(batches - results.size()));
  with_threads(threads, expected, [&](Threads allowed) {
    do next(allowed);
    while (!over());
  });
}

template <class Body> void Network::with_threads(Threads threads, std::chrono::nanoseconds expected, Body&& body) {
  // A step with a team takes less time; that must not end the team.
  kept_awake_ = threads.always || expected >= (kept_awake_ ? worthwhile_call / 2 : worthwhile_call);
  if (kept_awake_) {
    with_team(threads, body);
  } else {
    body(threads);
  }
}

Network::Result Network::timed_step(const array::Batch& x, const std::int64_t* labels, Loss loss, double lr,
                                    Threads threads) {
  const auto started = std::chrono::steady_clock::now();
  const Result result = step(x, labels, loss, lr, threads);
  last_ = std::chrono::steady_clock::now() - started;
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
  for (std::size_t i = lowest_trained_; i < depth; ++i) stages_[i]->check_update(seen[i], gradient_of(i), lr);
  update(seen, lr, threads);
  return result;
}

// With threads that are awake stages are updated side by side, so that what one thread does alone for a stage, such as
// making its trains, does not keep the others waiting. The first that fails would not be the same each time, so that
// one which fails does not keep the others from being updated.
void Network::update(const std::vector<array::Batch>& seen, double lr, Threads threads) {
  const auto update = [&](std::size_t i) {
    stages_[i]->update(seen[i], {gradients_[i].data(), seen[i].samples, seen[i + 1].features, false}, lr, threads);
  };
  if (!side_by_side_) {
    for (std::size_t i = lowest_trained_; i < stages_.size(); ++i) update(i);
    return;
  }
  std::vector<std::exception_ptr> failures(stages_.size());
  parallel_for(threads.team != nullptr ? threads : Threads(1), stages_.size() - lowest_trained_, [&](std::size_t k) {
    try {
      update(lowest_trained_ + k);
    } catch (...) {
      failures[lowest_trained_ + k] = std::current_exception();
    }
  });
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace mho::network
