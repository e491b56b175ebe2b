// Streaming batches: a batch becomes a few orthogonal pairs of vectors, whose outer products are pulsed onto the array
// (Hoskins et al., Front. Neurosci. 13:793, 2019). The batch is reduced first: its samples are those of one call.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "mho/error.h"
#include "mho/parallel.h"
#include "mho/rule/low_rank.h"
#include "mho/rule/rule.h"
#include "mho/simd/largest.h"

namespace mho::rule {

class StreamingBatch final : public Rule {
 public:
  static constexpr const char* name = "StreamingBatch";
  StreamingBatch(Parameters& p, array::Array& main, const pulse::UpdateParameters& update, Threads)
      : main_(main),
        update_(update),
        method_(p.choice<Method>("method", {{"streaming", Method::streaming}, {"power", Method::power}})),
        rank_(std::min(
            {static_cast<std::size_t>(p.number("rank", 1, 1e6)), main.shape().in_features, main.shape().out_features})),
        block_size_(static_cast<std::size_t>(p.number("block_size", 1, 1e6))),
        iterations_(static_cast<std::size_t>(p.number("iterations", 1, 1e6))),
        trains_(static_cast<std::size_t>(p.number("trains_per_component", 0, most_trains))) {
    const std::size_t instances = main.shape().instances;
    // The steps of an array are those of all its instances.
    if (trains_ == 0 && instances > 1) {
      fail_value("rule.trains_per_component must be at least 1 with instances, whose steps are in common, got 0");
    }
    if (method_ == Method::power) return;  // which has no memory from batch to batch
    buffers_.emplace_back("x_vectors", instances, rank_, main.shape().in_features);
    buffers_.emplace_back("d_vectors", instances, rank_, main.shape().out_features);
    buffers_.emplace_back("strengths", instances, 1, rank_);
  }

  // To reduce the batch takes longest, and is done only where what comes of it may be refused.
  void check_update(const array::Batch& x, const array::Batch& d, double lr) override {
    if (x.samples == 0) return;
    const double most = largest_strength(x, d);
    if (!update_.open_length() && most < 1e60 && lr * most < 1e20) return;
    const OuterProducts products = outer_products(reduce(x, d, Threads(1)), lr);
    main_.check_pulse(products.x(main_), products.d(main_), products.rates(), update_);
  }
  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) override {
    if (x.samples == 0) return;
    const std::size_t instances = main_.shape().instances;
    const std::vector<Pairs> pairs = reduce(x, d, threads);
    const OuterProducts products = outer_products(pairs, lr);
    // Checks before it changes anything.
    main_.pulse(products.x(main_), products.d(main_), products.rates(), update_, threads);
    for (std::size_t k = 0; k < instances; ++k) remember(k, pairs[k]);
    digital_operations_ += instances * operations(x.samples);
  }

  void rest() override {
    for (Buffer& buffer : buffers_) std::ranges::fill(buffer.values, 0.0F);
  }
  [[nodiscard]] std::vector<Buffer*> buffers() override {
    std::vector<Buffer*> result;
    for (Buffer& buffer : buffers_) result.push_back(&buffer);
    return result;
  }
  [[nodiscard]] std::vector<array::Counter> counters() const override {
    return {{"digital_operations", {digital_operations_}}};
  }
  void set_counters(const std::vector<array::Counter>& counters) override {
    digital_operations_ = counters[0].values[0];
  }

 private:
  enum class Method { streaming, power };
  static constexpr double most_trains = 100;

  // What is pulsed: of all instances one after the other, each with as many.
  struct OuterProducts {
    std::vector<float> x_values, d_values;
    std::vector<double> rate;
    std::size_t samples = 0;
    [[nodiscard]] array::Batch x(const array::Array& main) const {
      return {x_values.data(), samples, main.shape().in_features, true};
    }
    [[nodiscard]] array::Batch d(const array::Array& main) const {
      return {d_values.data(), samples, main.shape().out_features, true};
    }
    [[nodiscard]] array::Rates rates() const { return {rate.data(), samples}; }
  };

  [[nodiscard]] std::vector<Pairs> reduce(const array::Batch& x, const array::Batch& d, Threads threads) {
    const array::Shape& shape = main_.shape();
    std::vector<Pairs> pairs(shape.instances);
    const double work = nanoseconds_per_operation * static_cast<double>(shape.instances * operations(x.samples));
    parallel_for(threads.for_work(work), shape.instances, [&](std::size_t k) {
      const Samples samples{x.instance(k), d.instance(k), x.samples, shape.in_features, shape.out_features};
      pairs[k] = remembered(k);
      if (method_ == Method::streaming) {
        stream_pairs(samples, block_size_, pairs[k]);
      } else {
        iterate_pairs(samples, iterations_, pairs[k]);
      }
    });
    return pairs;
  }

  // No component of the batch is stronger: the norms of its outer products, added up.
  [[nodiscard]] double largest_strength(const array::Batch& x, const array::Batch& d) const {
    const auto largest = [&](const array::Batch& batch) {
      const std::size_t sets = batch.per_instance ? main_.shape().instances : 1;
      return static_cast<double>(simd::largest_magnitude(batch.data, sets * batch.samples * batch.features));
    };
    const double crosspoints = static_cast<double>(x.features) * static_cast<double>(d.features);
    return static_cast<double>(x.samples) * largest(x) * largest(d) * std::sqrt(crosspoints);
  }

  // What is left of the batch before.
  [[nodiscard]] Pairs remembered(std::size_t k) {
    const array::Shape& shape = main_.shape();
    Pairs pairs{rank_, std::vector<float>(rank_ * shape.in_features), std::vector<float>(rank_ * shape.out_features),
                std::vector<double>(rank_)};
    if (!buffers_.empty()) std::copy_n(buffers_[1].of(k), pairs.d.size(), pairs.d.begin());
    return pairs;
  }
  void remember(std::size_t k, const Pairs& pairs) {
    if (buffers_.empty()) return;
    std::ranges::copy(pairs.x, buffers_[0].of(k));
    std::ranges::copy(pairs.d, buffers_[1].of(k));
    static constexpr double most = std::numeric_limits<float>::max();
    std::ranges::transform(pairs.strength, buffers_[2].of(k),
                           [](double s) { return static_cast<float>(std::clamp(s, -most, most)); });
  }

  // The outer product of each pair, one after the other, in one train or several.
  [[nodiscard]] OuterProducts outer_products(const std::vector<Pairs>& pairs, double lr) const {
    const std::size_t in = main_.shape().in_features;
    const std::size_t out = main_.shape().out_features;
    OuterProducts result;
    for (const Pairs& own : pairs) {
      result.samples = 0;  // as many for each instance
      for (std::size_t i = 0; i < rank_; ++i) {
        const float* x_unit = own.x.data() + i * in;
        const float* d_unit = own.d.data() + i * out;
        const double x_most = simd::largest_magnitude(x_unit, in);
        const double d_most = simd::largest_magnitude(d_unit, out);
        // Both sides get the same largest entry, so that neither asks for more than its line can pulse.
        const double most = std::sqrt(std::fabs(own.strength[i]) * x_most * d_most);
        if (most > std::numeric_limits<float>::max()) fail_value("update: the gradient of the batch is too large");
        const std::size_t count = trains_ > 0 ? trains_ : trains_for(most, lr);
        const double x_gain = x_most > 0 ? most / x_most : 0;
        const double d_gain = d_most > 0 ? std::copysign(most, own.strength[i]) / d_most : 0;
        for (std::size_t n = 0; n < count; ++n) {
          for (std::size_t j = 0; j < in; ++j) result.x_values.push_back(static_cast<float>(x_gain * x_unit[j]));
          for (std::size_t j = 0; j < out; ++j) result.d_values.push_back(static_cast<float>(d_gain * d_unit[j]));
          result.rate.push_back(lr / static_cast<double>(count));
        }
        result.samples += count;
      }
    }
    return result;
  }

  // The fewest trains that have a slot for every pulse that is asked for at the largest product.
  [[nodiscard]] std::size_t trains_for(double most, double lr) const {
    if (!main_.crosspoints().pulsed()) return 1;
    const double pulses = lr * most * most / main_.crosspoints().granularity();
    return static_cast<std::size_t>(std::clamp(std::ceil(pulses / update_.bl), 1.0, most_trains));
  }

  // Multiplications and additions outside of the array.
  [[nodiscard]] std::size_t operations(std::size_t samples) const {
    const std::size_t in = main_.shape().in_features;
    const std::size_t out = main_.shape().out_features;
    const std::size_t orthonormalisation = 2 * rank_ * rank_ * (in + out);
    if (method_ == Method::power) return iterations_ * (2 * rank_ * (in + out) * samples + orthonormalisation);
    const std::size_t blocks = (samples + block_size_ - 1) / block_size_;
    return rank_ * (2 * in + 3 * out) * samples + blocks * orthonormalisation;
  }

  array::Array& main_;
  pulse::UpdateParameters update_;
  Method method_;
  std::size_t rank_;
  std::size_t block_size_;  // samples between two orthonormalisations of a stream
  std::size_t iterations_;  // of the subspace
  std::size_t trains_;      // that share a component; 0: as many as it needs
  std::vector<Buffer> buffers_;
  std::uint64_t digital_operations_ = 0;
};

}  // namespace mho::rule
