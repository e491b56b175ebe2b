#include "mho/rule/mixed_precision.h"

#include <algorithm>
#include <cmath>

#include "mho/parallel.h"
#include "mho/random/stream.h"
#include "mho/simd/largest.h"

namespace mho::rule {

using array::Batch;

MixedPrecision::MixedPrecision(Parameters& p, array::Array& main, const pulse::UpdateParameters&, Threads)
    : main_(main),
      transfer_update_(p.section("transfer_update")),
      optimizer_(p.choice<Optimizer>(
          "optimizer", {{"sgd", Optimizer::sgd}, {"momentum", Optimizer::momentum}, {"adam", Optimizer::adam}})),
      momentum_(p.number("momentum", 0, 1)),
      beta1_(p.number("beta1", 0, 1)),
      beta2_(p.number("beta2", 0, 1)),
      epsilon_(p.number("epsilon", 1e-12, 1)),
      x_bins_(p.number("x_bins", 0, 1e6)),
      d_bins_(p.number("d_bins", 0, 1e6)),
      stochastic_rounding_(p.flag("stochastic_rounding")),
      batch_size_(static_cast<std::uint64_t>(p.number("batch_size", 1, 1e9))),
      transfer_every_(static_cast<std::uint64_t>(p.number("transfer_every", 1, 1e9))),
      rows_(p.number("rows_per_transfer", 0, 1e9)),
      transfer_lr_(p.number("transfer_lr", 1e-12, 1e12)),
      granularity_(p.has("granularity") ? p.number("granularity", 1e-12, 1e6) : main.crosspoints().granularity()),
      gradient_("gradient", main.shape().instances, main.shape().out_features, main.shape().in_features),
      residual_("residual", main.shape().instances, main.shape().out_features, main.shape().in_features) {
  main_.check_trains(granularity_ * transfer_lr_, transfer_update_);
  const auto add = [&](const char* name) {
    moments_.emplace_back(name, main.shape().instances, main.shape().out_features, main.shape().in_features);
  };
  if (optimizer_ == Optimizer::momentum) add("velocity");
  if (optimizer_ == Optimizer::adam) {
    add("first_moment");
    add("second_moment");
  }
}

void MixedPrecision::update(const Batch& x, const Batch& d, double lr, Threads threads) {
  std::size_t done = 0;
  while (done < x.samples) {
    // Up to the end of a batch as it is configured, whatever the rows of the call.
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(x.samples - done, batch_size_ - samples_ % batch_size_));
    accumulate(x, d, done, count, threads);
    done += count;
    samples_ += count;
    if (samples_ % batch_size_ != 0) continue;
    optimise(lr, threads);
    if (optimizer_steps_ % transfer_every_ == 0) transfer(threads);
  }
}

// Symmetric and uniform with so many bins over the range of the values.
void MixedPrecision::quantise(std::vector<float>& values, double bins, std::size_t k, std::uint64_t step,
                              random::Purpose purpose) const {
  if (bins <= 0) return;
  const float largest = simd::largest_magnitude(values.data(), values.size());
  if (largest == 0) return;
  const float width = largest / std::max(std::floor(static_cast<float>(bins) / 2), 1.0F);
  const random::Stream stream(main_.crosspoints().key(k), purpose, step);
  for (std::size_t i = 0; i < values.size(); ++i) {
    float bin = values[i] / width;
    if (stochastic_rounding_) {
      const auto word = stream.words_of_one(static_cast<std::uint32_t>(i / 4), 0)[i % 4];
      bin += static_cast<float>(word >> 8) * 0x1p-24F - 0.5F;
    }
    values[i] = std::nearbyint(bin) * width;
  }
}

void MixedPrecision::accumulate(const Batch& x, const Batch& d, std::size_t first, std::size_t count, Threads threads) {
  const std::size_t in = main_.shape().in_features;
  const std::size_t out = main_.shape().out_features;
  for (std::size_t k = 0; k < instances(); ++k) {
    std::vector<float> inputs(count * in);
    std::vector<float> errors(count * out);
    const double rounding = nanoseconds_per_operation * static_cast<double>(count * (in + out));
    parallel_for(threads.for_work(rounding), count, [&](std::size_t s) {
      const float* x_row = x.instance(k) + (first + s) * in;
      const float* d_row = d.instance(k) + (first + s) * out;
      std::vector<float> row(x_row, x_row + in);
      quantise(row, x_bins_, k, samples_ + s, random::Purpose::gradient_rounding_x);
      std::ranges::copy(row, inputs.begin() + static_cast<std::ptrdiff_t>(s * in));
      row.assign(d_row, d_row + out);
      quantise(row, d_bins_, k, samples_ + s, random::Purpose::gradient_rounding_d);
      std::ranges::copy(row, errors.begin() + static_cast<std::ptrdiff_t>(s * out));
    });
    float* gradient = gradient_.of(k);
    // Sample by sample in order, so that the sums do not depend on how a batch is cut into calls.
    const double work = nanoseconds_per_operation * static_cast<double>(count * out * in);
    parallel_for(threads.for_work(work), out, [&](std::size_t i) {
      float* row = gradient + i * in;
      for (std::size_t s = 0; s < count; ++s) {
        const float error = errors[s * out + i];
        if (error == 0) continue;
        const float* input = inputs.data() + s * in;
        for (std::size_t j = 0; j < in; ++j) row[j] += error * input[j];
      }
    });
  }
  digital_operations_ += instances() * count * in * out;
}

void MixedPrecision::optimise(double lr, Threads threads) {
  ++optimizer_steps_;
  const auto rate = static_cast<float>(lr);
  const auto steps = static_cast<double>(optimizer_steps_);
  const auto first_share = static_cast<float>(1 / (1 - std::pow(beta1_, steps)));
  const auto second_share = static_cast<float>(1 / (1 - std::pow(beta2_, steps)));
  const double work = nanoseconds_per_operation * static_cast<double>(gradient_.values.size());
  parallel_for(threads.for_work(work), instances() * gradient_.rows, [&](std::size_t item) {
    const std::size_t at = item * gradient_.columns;
    float* g = gradient_.values.data() + at;
    float* residual = residual_.values.data() + at;
    const std::size_t n = gradient_.columns;
    if (optimizer_ == Optimizer::sgd) {
      for (std::size_t j = 0; j < n; ++j) residual[j] -= rate * g[j];
    } else if (optimizer_ == Optimizer::momentum) {
      float* velocity = moments_[0].values.data() + at;
      const auto kept = static_cast<float>(momentum_);
      for (std::size_t j = 0; j < n; ++j) {
        velocity[j] = kept * velocity[j] + g[j];
        residual[j] -= rate * velocity[j];
      }
    } else {
      float* first = moments_[0].values.data() + at;
      float* second = moments_[1].values.data() + at;
      const auto b1 = static_cast<float>(beta1_);
      const auto b2 = static_cast<float>(beta2_);
      const auto epsilon = static_cast<float>(epsilon_);
      for (std::size_t j = 0; j < n; ++j) {
        first[j] = b1 * first[j] + (1 - b1) * g[j];
        second[j] = b2 * second[j] + (1 - b2) * g[j] * g[j];
        residual[j] -= rate * (first[j] * first_share) / (std::sqrt(second[j] * second_share) + epsilon);
      }
    }
    std::fill_n(g, n, 0.0F);
  });
  const std::size_t per_weight = optimizer_ == Optimizer::sgd ? 1 : optimizer_ == Optimizer::momentum ? 2 : 6;
  digital_operations_ += per_weight * gradient_.values.size();
}

void MixedPrecision::transfer(Threads threads) {
  const std::size_t in = main_.shape().in_features;
  const std::size_t out = main_.shape().out_features;
  const std::size_t rows = rows_ > 0 ? std::min(static_cast<std::size_t>(rows_), out) : out;
  std::vector<float> x(instances() * rows * in);
  std::vector<float> d(instances() * rows * out);
  const auto unit = static_cast<float>(granularity_);
  const auto most = static_cast<float>(transfer_update_.bl);
  const double work = nanoseconds_per_operation * static_cast<double>(instances() * rows * in);
  parallel_for(threads.for_work(work), instances() * rows, [&](std::size_t item) {
    const std::size_t k = item / rows;
    const std::size_t row = (next_row_ + item % rows) % out;
    float* residual = residual_.of(k) + row * in;
    float* pulses = x.data() + item * in;
    for (std::size_t j = 0; j < in; ++j) {
      // What a train cannot carry waits for the next transfer.
      pulses[j] = std::clamp(std::trunc(residual[j] / unit), -most, most);
      residual[j] -= pulses[j] * unit;
    }
    d[item * out + row] = -1.0F;
  });
  next_row_ = (next_row_ + rows) % out;
  digital_operations_ += 2 * instances() * rows * in;
  const double rate = granularity_ * transfer_lr_;
  main_.pulse({x.data(), rows, in, true}, {d.data(), rows, out, true}, {&rate}, transfer_update_, threads);
}

void MixedPrecision::rest() {
  for (Buffer* buffer : buffers()) std::ranges::fill(buffer->values, 0.0F);
}

std::vector<Buffer*> MixedPrecision::buffers() {
  std::vector<Buffer*> result{&gradient_, &residual_};
  for (Buffer& moment : moments_) result.push_back(&moment);
  return result;
}

std::vector<array::Counter> MixedPrecision::counters() const {
  return {{"samples", {samples_}},
          {"optimizer_steps", {optimizer_steps_}},
          {"next_row", {next_row_}},
          {"digital_operations", {digital_operations_}}};
}

void MixedPrecision::set_counters(const std::vector<array::Counter>& counters) {
  samples_ = counters[0].values[0];
  optimizer_steps_ = counters[1].values[0];
  next_row_ = counters[2].values[0];
  digital_operations_ = counters[3].values[0];
}

}  // namespace mho::rule
