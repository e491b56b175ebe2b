// Steps drawn from a measured distribution that depends on the weight: with u = (w - w_min) / (w_max - w_min),
// dw+ = s+ Q+(u, p), dw- = -s- Q-(u, p), p uniform. Q is a table of quantiles: rows at even distances of u from 0 to 1,
// columns at even distances of p from 0 to 1. Burr et al., IEEE Trans. Electron Devices 62:3498 (2015).
#pragma once

#include <array>
#include <numbers>
#include <string>
#include <vector>

#include "mho/device/aggregation.h"
#include "mho/device/look_up_table.h"
#include "mho/random/table_gaussian.h"

namespace mho::device {

// The quantiles of one direction as a function of the gaussian xi that the pulse comes with, p = Phi(xi): looked up at
// even distances of xi and interpolated, so that a pulse needs no normal distribution function.
class JumpQuantiles {
 public:
  // Gaussians further out do not exist.
  static constexpr float sure_sigma = 6.25F;
  static_assert(sure_sigma > random::largest_table_gaussian);
  // Between two columns lie at most 0.017 of the probability.
  static constexpr std::size_t columns = 293;
  static constexpr double spacing = 2.0 * static_cast<double>(sure_sigma) / static_cast<double>(columns - 1);

  explicit JumpQuantiles(const std::vector<std::vector<double>>& rows) {
    for (const std::vector<double>& quantiles : rows) {
      const double cells = static_cast<double>(quantiles.size() - 1);
      double sum = 0;
      double weights = 0;
      for (std::size_t j = 0; j < columns; ++j) {
        const double p = j == 0 ? 0.0 : j + 1 == columns ? 1.0 : probability(xi(j));
        const auto k = std::min(static_cast<std::size_t>(p * cells), quantiles.size() - 2);
        const double share = p * cells - static_cast<double>(k);
        const double value = quantiles[k] + share * (quantiles[k + 1] - quantiles[k]);
        values_.push_back(static_cast<float>(value));
        sum += weight(j) * value;
        weights += weight(j);
      }
      means_.push_back(sum / weights);
    }
  }
  [[nodiscard]] std::size_t rows() const { return means_.size(); }
  [[nodiscard]] const std::vector<float>& values() const { return values_; }  // row by row

  // The mean jump at u.
  [[nodiscard]] double mean(double u) const {
    const double position = std::clamp(u, 0.0, 1.0) * static_cast<double>(rows() - 1);
    const std::size_t row = std::min(static_cast<std::size_t>(position), rows() - 2);
    return means_[row] + (position - static_cast<double>(row)) * (means_[row + 1] - means_[row]);
  }

 private:
  static double xi(std::size_t column) {
    return spacing * static_cast<double>(column) - static_cast<double>(sure_sigma);
  }
  static double probability(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
  // The integral of that.
  static double second_integral(double x) {
    return x * probability(x) + std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
  }
  // What is linear between columns has the mean of its values, weighted by the integrals of the normal density times a
  // triangle around each column; half a triangle at either end.
  static double weight(std::size_t column) {
    if (column == 0 || column + 1 == columns) {
      return second_integral(xi(1)) - second_integral(xi(0)) - spacing * probability(xi(0));
    }
    const double x = xi(column);
    return second_integral(x + spacing) - 2 * second_integral(x) + second_integral(x - spacing);
  }
  std::vector<float> values_;
  std::vector<double> means_;
};

class JumpTable {
 public:
  static constexpr const char* name = "JumpTable";
  static constexpr std::array<const char*, 0> extra_planes{};
  static constexpr std::size_t inputs_in_flight = 4;

  explicit JumpTable(Parameters& p) : JumpTable(PulsedParameters(p), read(p, "up"), read(p, "down")) {}

  [[nodiscard]] const PulsedParameters& pulsed() const { return pulsed_; }
  [[nodiscard]] double granularity() const { return granularity_; }

  template <class V> struct Lanes {
    typename V::F up, down;
    typename V::F w_max, w_min;
    typename V::F inverse;  // 1 / (w_max - w_min)
  };
  template <class Planes> [[nodiscard, gnu::always_inline]] auto load(const Planes& planes) const {
    using F = typename Planes::V::F;
    const auto p = load_pulsed(planes);
    return Lanes<typename Planes::V>{p.up, p.down, p.w_max, p.w_min, F(1.0F) / max(p.w_max - p.w_min, F(1e-30F))};
  }
  // Each jump has a distribution of its own, which depends on where the one before has led.
  static constexpr Meets usually_meets = Meets::none;
  [[nodiscard]] static Meets meets() { return Meets::none; }
  template <class V> [[nodiscard]] static typename V::U most_at_once(const Lanes<V>&) { return typename V::U(1U); }

  template <class V>
  [[nodiscard, gnu::always_inline]] auto step(const Lanes<V>& lanes, typename V::F w, typename V::M up) const {
    using F = typename V::F;
    using U = typename V::U;
    const F cells = select(up, F(cells_up_), F(cells_down_));
    const auto row = grid_place((w - lanes.w_min) * (cells * lanes.inverse), cells);
    constexpr auto columns = static_cast<std::uint32_t>(JumpQuantiles::columns);
    const U first = round_to_int(row.node * F(static_cast<float>(columns))) + select(up, U(0U), U(first_down_));
    const F s = select(up, lanes.up, F(0.0F) - lanes.down);
    // n is 0 or 1.
    return [this, w, s, first, share = row.share](U n) __attribute__((always_inline)) {
      return [=, this, count = to_float(n)](F xi) __attribute__((always_inline)) {
        const auto column =
            grid_place((xi + F(JumpQuantiles::sure_sigma)) * F(static_cast<float>(1 / JumpQuantiles::spacing)),
                       F(static_cast<float>(columns - 1)));
        const U at = first + round_to_int(column.node);
        F low[2];
        F high[2];
        look_up_neighbours(table_.values(), at, low[0], low[1]);
        look_up_neighbours(table_.values(), at + U(columns), high[0], high[1]);
        const F here = fma(column.share, low[1] - low[0], low[0]);
        const F there = fma(column.share, high[1] - high[0], high[0]);
        return fma(s * fma(share, there - here, here), count, w);
      };
    };
  }

 private:
  JumpTable(const PulsedParameters& pulsed, const JumpQuantiles& up, const JumpQuantiles& down)
      : pulsed_(pulsed),
        granularity_(mean_step_at_zero(pulsed, up, down)),
        table_(joined(up, down)),
        first_down_(static_cast<std::uint32_t>((up.rows() + 1) * JumpQuantiles::columns)),
        cells_up_(static_cast<float>(up.rows() - 1)),
        cells_down_(static_cast<float>(down.rows() - 1)) {
    if (pulsed.dw_min_ctoc > 0) fail_value("JumpTable.dw_min_ctoc must be 0: the table holds the spread of its jumps");
  }

  static double mean_step_at_zero(const PulsedParameters& p, const JumpQuantiles& up, const JumpQuantiles& down) {
    const double zero = -p.w_min / (p.w_max - p.w_min);
    return 0.5 * (p.nominal_up() * up.mean(zero) + p.nominal_down() * down.mean(zero));
  }

  static JumpQuantiles read(Parameters& p, const std::string& direction) {
    const auto fail = [&](const std::string& what) {
      fail_value(p.section() + "." + direction + " must have " + what);
    };
    std::vector<Parameters>& sections = p.sections(direction);
    if (sections.size() < 2 || sections.size() > 256) fail("2 to 256 rows");
    std::vector<std::vector<double>> rows;
    for (Parameters& section : sections) {
      rows.push_back(section.numbers("quantiles"));
      section.finish();
      const std::vector<double>& row = rows.back();
      if (row.size() < 2 || row.size() > 1024) fail("2 to 1024 quantiles in each row");
      for (std::size_t k = 0; k < row.size(); ++k) {
        if (std::fabs(row[k]) > 1e6) fail("quantiles in [-1e6, 1e6]");
        if (k > 0 && row[k] < row[k - 1]) fail("quantiles that do not decrease along a row");
      }
    }
    return JumpQuantiles(rows);
  }

  // Both directions; behind the rows of each is the last one once more.
  static std::vector<float> joined(const JumpQuantiles& up, const JumpQuantiles& down) {
    std::vector<float> values;
    for (const JumpQuantiles* q : {&up, &down}) {
      values.insert(values.end(), q->values().begin(), q->values().end());
      values.insert(values.end(), q->values().end() - JumpQuantiles::columns, q->values().end());
    }
    values.push_back(values.back());
    return values;
  }

  PulsedParameters pulsed_;
  double granularity_;
  LookUpTable table_;
  std::uint32_t first_down_;  // where its second half begins
  float cells_up_, cells_down_;
};

}  // namespace mho::device
