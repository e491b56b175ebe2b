// The cell of Ambrogio et al., Nature 558:60 (2018): a pair of non-volatile devices holds the significant part of the
// weight, a volatile capacitor the rest, W = F (G+ - G-) + P (g - g_ref). Training moves the capacitor. Every so many
// samples its value is transferred to the pair and it goes back to its rest. The polarity P changes its sign then, so
// that what is fixed about a cell's own capacitor is added at one transfer and subtracted at the next.
#pragma once

#include "mho/cell/cell_crosspoints.h"
#include "mho/cell/one_sided_cell.h"

namespace mho::cell {

class MultiSignificanceCell final : public CellCrosspoints {
 public:
  static constexpr const char* name = "MultiSignificance";
  MultiSignificanceCell(Parameters& parameters, const array::Shape& shape, const std::vector<std::uint64_t>& keys,
                        Threads threads);
  [[nodiscard]] double granularity() const override { return granularity_; }

 protected:
  [[nodiscard]] float gamma(std::size_t p, std::size_t instance) const override;
  void pulse_parts(std::size_t instance, const pulse::Request& request) override;
  // The pair takes what it can, with the capacitor at rest; the capacitor takes what is left.
  void distribute(const Target& target) override;
  // The transfer.
  void happen(std::size_t instance, std::uint64_t event, const pulse::Request& request) override;

 private:
  static constexpr std::size_t pair = 0, capacitor = 1, reference = 2;

  double gain_;
  bool polarity_inversion_;
  double granularity_ = 0;
  OneSidedCell* pair_ = nullptr;
  std::vector<std::size_t> everywhere_;  // all places but padding
  std::vector<std::uint64_t>& transfers_;
};

}  // namespace mho::cell
