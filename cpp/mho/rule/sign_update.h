// The Manhattan rule: one pulse for each device and batch, in the direction that the sign of the batch's gradient says
// (Zamanidoost et al. 2015; Kataeva et al. 2015). The batch is reduced first: its samples are those of one call.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "mho/parallel.h"
#include "mho/rule/rule.h"
#include "mho/simd/largest.h"

namespace mho::rule {

class SignUpdate final : public Rule {
 public:
  static constexpr const char* name = "SignUpdate";
  SignUpdate(Parameters& p, array::Array& main, const pulse::UpdateParameters&, Threads)
      : main_(main),
        write_update_(p.section("write_update")),
        threshold_(p.number("threshold", 0, 1)),
        gradient_("gradient", main.shape().instances, main.shape().out_features, main.shape().in_features) {}

  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) override {
    if (x.samples == 0 || lr == 0) return;
    const array::Shape& shape = main_.shape();
    const std::size_t in = shape.in_features;
    const std::size_t out = shape.out_features;
    const auto sums = static_cast<double>(shape.instances * x.samples * out * in);
    parallel_for(threads.for_work(nanoseconds_per_operation * sums), shape.instances * out,
                 [&](std::size_t item) { sum(x, d, item / out, item % out); });
    digital_operations_ += shape.instances * x.samples * out * in;
    // Row by row: the line of a row on one side, the directions of its devices on the other.
    std::vector<float> signs(shape.instances * out * in);
    std::vector<float> rows(shape.instances * out * out);
    for (std::size_t k = 0; k < shape.instances; ++k) {
      const float* gradient = gradient_.of(k);
      const double least = threshold_ * simd::largest_magnitude(gradient, gradient_.size());
      for (std::size_t i = 0; i < gradient_.size(); ++i) {
        const float g = gradient[i];
        const bool fires = g != 0 && std::fabs(static_cast<double>(g)) >= least;
        signs[k * gradient_.size() + i] = fires ? std::copysign(1.0F, g) : 0.0F;
      }
      for (std::size_t i = 0; i < out; ++i) rows[(k * out + i) * out + i] = 1.0F;
    }
    const double one_pulse = main_.crosspoints().granularity();
    main_.pulse({signs.data(), out, in, true}, {rows.data(), out, out, true}, one_pulse, write_update_, threads);
  }

  void rest() override { std::ranges::fill(gradient_.values, 0.0F); }
  [[nodiscard]] std::vector<Buffer*> buffers() override { return {&gradient_}; }
  [[nodiscard]] std::vector<array::Counter> counters() const override {
    return {{"digital_operations", {digital_operations_}}};
  }
  void set_counters(const std::vector<array::Counter>& counters) override {
    digital_operations_ = counters[0].values[0];
  }

 private:
  // A row of the gradient of the batch, sample by sample in order.
  void sum(const array::Batch& x, const array::Batch& d, std::size_t k, std::size_t row) {
    const std::size_t in = main_.shape().in_features;
    std::vector<double> sums(in);
    for (std::size_t s = 0; s < x.samples; ++s) {
      const double error = d.instance(k)[s * main_.shape().out_features + row];
      if (error == 0) continue;
      const float* input = x.instance(k) + s * in;
      for (std::size_t j = 0; j < in; ++j) sums[j] += error * input[j];
    }
    static constexpr double most = std::numeric_limits<float>::max();
    std::ranges::transform(sums, gradient_.of(k) + row * in,
                           [](double g) { return static_cast<float>(std::clamp(g, -most, most)); });
  }

  array::Array& main_;
  pulse::UpdateParameters write_update_;
  double threshold_;  // share of the largest magnitude of the gradient
  Buffer gradient_;   // of the batch
  std::uint64_t digital_operations_ = 0;
};

}  // namespace mho::rule
