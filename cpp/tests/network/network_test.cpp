#include "mho/network/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "meeting.h"
#include "mho/error.h"
#include "mho/network/activation.h"
#include "mho/network/linear.h"
#include "network/tiles.h"
#include "support.h"

namespace mho::network {
namespace {

constexpr std::size_t batch_size = 4;
const std::int64_t batch_labels[batch_size] = {0, 2, 1, 2};

// Two layers with a sigmoid between them, of ideal devices: a step is plain gradient descent.
struct Net {
  std::shared_ptr<tile::Tile> first = tests::perfect_tile(5, 6, tests::random_values(30, 1, 0.5F));
  std::shared_ptr<tile::Tile> second = tests::perfect_tile(3, 5, tests::random_values(15, 2, 0.5F));
  std::shared_ptr<Linear> upper = std::make_shared<Linear>(std::vector{second}, std::vector<std::size_t>{0, 3},
                                                           std::vector<std::size_t>{0, 5}, Bias::digital);
  Network network{{std::make_shared<Linear>(std::vector{first}, std::vector<std::size_t>{0, 5},
                                            std::vector<std::size_t>{0, 6}, Bias::none),
                   std::make_shared<Activation>("sigmoid"), upper}};
  std::vector<float> x = tests::random_values(batch_size * 6, 3);
  array::Batch batch{x.data(), batch_size, 6, false};
};

using Wide = std::vector<double>;

double loss_of(const Wide& w1, const Wide& w2, const std::vector<float>& x) {
  double loss = 0;
  for (std::size_t s = 0; s < batch_size; ++s) {
    Wide hidden(5), y(3);
    for (std::size_t i = 0; i < 5; ++i) {
      for (std::size_t j = 0; j < 6; ++j) hidden[i] += w1[i * 6 + j] * static_cast<double>(x[s * 6 + j]);
      hidden[i] = 1 / (1 + std::exp(-hidden[i]));
    }
    double total = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 5; ++j) y[i] += w2[i * 5 + j] * hidden[j];
      total += std::exp(y[i]);
    }
    loss += std::log(total) - y[static_cast<std::size_t>(batch_labels[s])];
  }
  return loss / batch_size;
}

TEST(Network, AStepDescendsTheGradientOfAllWeights) {
  Net net;
  const auto wide = [](const std::vector<float>& w) { return Wide(w.begin(), w.end()); };
  const Wide w1 = wide(tests::weight_of(*net.first));
  const Wide w2 = wide(tests::weight_of(*net.second));
  const Network::Result result = net.network.train(net.batch, batch_labels, Loss::cross_entropy, 0.1, 1);
  EXPECT_NEAR(result.loss, loss_of(w1, w2, net.x), 1e-6);
  EXPECT_LE(result.errors, batch_size);
  const auto expect_step = [&](const Wide& before, const std::vector<float>& after, auto&& loss_with) {
    for (std::size_t k = 0; k < before.size(); ++k) {
      const double h = 1e-5;
      Wide above = before;
      Wide below = before;
      above[k] += h;
      below[k] -= h;
      EXPECT_NEAR(after[k], before[k] - 0.1 * (loss_with(above) - loss_with(below)) / (2 * h), 1e-6) << k;
    }
  };
  expect_step(w1, tests::weight_of(*net.first), [&](const Wide& w) { return loss_of(w, w2, net.x); });
  expect_step(w2, tests::weight_of(*net.second), [&](const Wide& w) { return loss_of(w1, w, net.x); });
}

TEST(Network, ReadsEachLayerOnceForwardsAndNeverTheLowestBackwards) {
  Net net;
  (void)net.network.train(net.batch, batch_labels, Loss::mean_squared_error, 0.1, 1);
  EXPECT_EQ(net.first->main().steps().forward, batch_size);
  EXPECT_EQ(net.second->main().steps().forward, batch_size);
  EXPECT_EQ(net.first->main().steps().backward, 0U);
  EXPECT_EQ(net.second->main().steps().backward, batch_size);
}

TEST(Network, WhatIsWrongWithACallIsFoundBeforeAnythingIsRead) {
  Net net;
  const std::vector<float> narrow(batch_size * 5);
  const std::int64_t none[] = {0, 1, 3, 0};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto train = [&](const array::Batch& x, const std::int64_t* classes, double lr) {
    return tests::error_of([&] { (void)net.network.train(x, classes, Loss::cross_entropy, lr, 1); });
  };
  tests::expect_contains(train({narrow.data(), batch_size, 5, false}, batch_labels, 0.1), "6 inputs, got 5");
  tests::expect_contains(train(net.batch, none, 0.1), "labels must be in 0 .. 2, got 3");
  tests::expect_contains(train(net.batch, batch_labels, nan), "lr must be >= 0");
  tests::expect_contains(train({net.x.data(), 0, 6, false}, batch_labels, 0.1), "at least one sample");
  EXPECT_EQ(net.first->main().steps().forward, 0U);
}

TEST(Network, NoWeightMovesWhereALossOrAGradientIsNotFinite) {
  Net net;
  const std::vector<float> before = tests::weight_of(*net.first);
  net.upper->set_bias({3e38F, 3e38F, 3e38F});
  const float huge[] = {3e38F, 3e38F, 3e38F, 3e38F, 3e38F, 3e38F};
  std::vector<float> w(15, 3e38F);
  (void)net.second->set_weight(w.data(), false);
  const std::int64_t label = 1;
  tests::expect_contains(
      tests::error_of([&] { (void)net.network.train({huge, 1, 6, false}, &label, Loss::cross_entropy, 0.1, 1); }),
      "the loss is nan");
  EXPECT_EQ(tests::weight_of(*net.first), before);
  EXPECT_EQ(net.first->main().steps().update, 0U);
  EXPECT_EQ(net.second->main().steps().update, 0U);
}

// Five of the four samples, in batches of two.
struct Passes {
  Net net;
  std::vector<std::int64_t> order{3, 0, 1, 1, 2};
  Epoch epoch{net.batch, batch_labels, order, 2};
  std::vector<Network::Result> results;
  void train(std::size_t batches, std::chrono::nanoseconds time, double lr = 0.1) {
    net.network.train(epoch, batches, time, Loss::cross_entropy, lr, 2, results);
  }
};

TEST(Network, AnEpochHasTheBitsOfItsSteps) {
  Passes passes;
  EXPECT_EQ(passes.epoch.batches(), 3U);
  passes.train(3, std::chrono::hours(1));
  Net single;
  std::vector<Network::Result> expected;
  for (std::size_t first = 0; first < passes.order.size(); first += 2) {
    std::vector<float> x;
    std::vector<std::int64_t> labels;
    for (std::size_t i = first; i < std::min(first + 2, passes.order.size()); ++i) {
      const auto sample = static_cast<std::size_t>(passes.order[i]);
      x.insert(x.end(), single.x.begin() + static_cast<std::ptrdiff_t>(sample * 6),
               single.x.begin() + static_cast<std::ptrdiff_t>(sample * 6 + 6));
      labels.push_back(batch_labels[sample]);
    }
    expected.push_back(
        single.network.train({x.data(), labels.size(), 6, false}, labels.data(), Loss::cross_entropy, 0.1, 1));
  }
  ASSERT_EQ(passes.results.size(), expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_EQ(passes.results[k].loss, expected[k].loss);
    EXPECT_EQ(passes.results[k].errors, expected[k].errors);
  }
  EXPECT_EQ(tests::weight_of(*passes.net.first), tests::weight_of(*single.first));
  EXPECT_EQ(tests::weight_of(*passes.net.second), tests::weight_of(*single.second));
}

TEST(Network, AnEpochEndsEarlyWhereItIsAskedTo) {
  Passes passes;
  passes.train(2, std::chrono::hours(1));
  EXPECT_EQ(passes.results.size(), 2U);
  Passes late;
  late.train(3, std::chrono::nanoseconds(0));
  EXPECT_EQ(late.results.size(), 1U);
}

TEST(Network, BatchesBeforeOneThatFailsAreDone) {
  Passes passes;
  std::vector<std::int64_t> labels(batch_labels, batch_labels + batch_size);
  labels[1] = 3;
  passes.epoch.labels = labels.data();
  tests::expect_contains(tests::error_of([&] { passes.train(3, std::chrono::hours(1)); }), "got 3");
  EXPECT_EQ(passes.results.size(), 1U);
  Passes first;
  first.train(1, std::chrono::hours(1));
  EXPECT_EQ(tests::weight_of(*passes.net.first), tests::weight_of(*first.net.first));
}

// A stage that says when it is updated, and may fail.
class Told final : public Stage {
 public:
  explicit Told(std::function<void()> on_update, bool independent = true)
      : on_update_(std::move(on_update)), independent_(independent) {}
  [[nodiscard]] std::size_t outputs(std::size_t inputs) const override { return inputs; }
  [[nodiscard]] bool trainable() const override { return true; }
  [[nodiscard]] bool independent() const override { return independent_; }
  void forward(const array::Batch& x, float* y, const Reading&) override { std::copy_n(x.data, x.features, y); }
  void backward(const array::Batch& d, const float*, const float*, float* dx, const Reading&) override {
    std::copy_n(d.data, d.features, dx);
  }
  void update(const array::Batch&, const array::Batch&, double, Threads) override { on_update_(); }

 private:
  std::function<void()> on_update_;
  bool independent_;
};

void train_one(Network& network, Threads threads) {
  const float x[] = {0.5F, -0.5F};
  const std::int64_t label = 0;
  (void)network.train({x, 1, 2, false}, &label, Loss::cross_entropy, 0.1, threads);
}

TEST(Network, UpdatesStagesSideBySide) {
#ifdef _OPENMP
  tests::Meeting meeting;
  const auto attend = [&] { meeting.attend(); };
  Network network({std::make_shared<Told>(attend), std::make_shared<Told>(attend)});
  EXPECT_TRUE(meeting.arranged_by([&] { train_one(network, {2, true}); }));
#endif
}

// One that is in the chain twice, or whose update may know of others.
TEST(Network, UpdatesStagesInOrderWhereTheyMayBeOne) {
  for (const bool twice : {true, false}) {
    std::vector<int> order;
    const auto caller = std::this_thread::get_id();
    const auto note = [&](int number) {
      return [&, number] {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        order.push_back(number);
      };
    };
    const auto first = std::make_shared<Told>(note(0));
    const auto second = std::make_shared<Told>(note(1), twice);
    Network network({first, second, twice ? first : std::make_shared<Told>(note(2))});
    train_one(network, {4, true});
    EXPECT_EQ(order, twice ? (std::vector<int>{0, 1, 0}) : (std::vector<int>{0, 1, 2}));
  }
}

TEST(Network, UpdatesTheOtherStagesOfOneThatFails) {
  for (const int threads : {1, 2, 4}) {
    std::atomic<int> updated = 0;
    const auto fail = [](const char* text) { return [text] { fail_value(text); }; };
    const auto count = [&] { ++updated; };
    Network network({std::make_shared<Told>(count), std::make_shared<Told>(fail("the second")),
                     std::make_shared<Told>(fail("the third")), std::make_shared<Told>(count)});
    EXPECT_EQ(tests::error_of([&] { train_one(network, {threads, true}); }), "the second");
    EXPECT_EQ(updated.load(), 2);
  }
}

TEST(Network, WithoutTrainedStagesNothingIsUpdated) {
  Network network({std::make_shared<Activation>("tanh")});
  const float x[] = {0.5F, -0.5F};
  const std::int64_t label = 0;
  const Network::Result result = network.train({x, 1, 2, false}, &label, Loss::cross_entropy, 0.1, 1);
  EXPECT_NEAR(result.loss, std::log(1 + std::exp(-2 * std::tanh(0.5))), 1e-6);
  EXPECT_EQ(result.errors, 0U);
  tests::expect_contains(tests::error_of([] { Network({}); }), "at least one stage");
}

}  // namespace
}  // namespace mho::network
