// A matrix held by tiles: y = s w x + b, dx = w^T (s d), and an update by x and d / s. The scales s belong to the
// mapping of weights to conductances; there is one for each tile, or one for each output of each tile. The tiles lie on
// a grid, and their outputs are added digitally. The bias is digital, or one more input line of the crossbar at a
// constant 1.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "mho/network/stage.h"
#include "mho/tile/tile.h"

namespace mho::network {

enum class Bias { none, digital, analog };

class Linear final : public Stage {
 public:
  // Tiles row by row of the grid; edges are where its parts begin and end, from 0 to the numbers of outputs and of
  // input lines. Scales start as 1, the bias as 0.
  Linear(std::vector<std::shared_ptr<tile::Tile>> tiles, std::vector<std::size_t> row_edges,
         std::vector<std::size_t> column_edges, Bias bias);

  [[nodiscard]] std::size_t in_features() const { return columns_.back() - (bias_kind_ == Bias::analog ? 1 : 0); }
  [[nodiscard]] std::size_t out_features() const { return rows_.back(); }
  [[nodiscard]] std::size_t outputs(std::size_t inputs) const override;
  [[nodiscard]] bool trainable() const override { return true; }
  [[nodiscard]] bool independent() const override;

  // For each tile one scale, or one for each of its outputs; positive and finite.
  void set_scales(std::vector<std::vector<float>> scales);
  // Of the digital bias.
  void set_bias(std::vector<float> bias);
  [[nodiscard]] const std::vector<float>& bias() const { return bias_; }
  // What learning rates are multiplied by. With 0 an update does nothing.
  void set_rate_scale(double scale) { rate_scale_ = scale; }

  void forward(const array::Batch& x, float* y, const Reading& reading) override;
  void backward(const array::Batch& d, const float* x, const float* y, float* dx, const Reading& reading) override;
  void check_update(const array::Batch& x, const array::Batch& d, double lr) override;
  void update(const array::Batch& x, const array::Batch& d, double lr, Threads threads) override;

 private:
  [[nodiscard]] std::size_t grid_rows() const { return rows_.size() - 1; }
  [[nodiscard]] std::size_t grid_columns() const { return columns_.size() - 1; }
  [[nodiscard]] std::size_t row_size(std::size_t r) const { return rows_[r + 1] - rows_[r]; }
  [[nodiscard]] std::size_t column_size(std::size_t c) const { return columns_[c + 1] - columns_[c]; }
  array::Batch lines_of(const array::Batch& x);
  enum class Scaling { multiply, divide };
  array::Batch scaled_part(const array::Batch& d, std::size_t row, std::size_t tile, Scaling scaling);
  // Calls operation(tile, x, d) with the part of each that belongs to the tile.
  template <class Operation> void for_each_update(const array::Batch& x, const array::Batch& d, Operation&& operation);

  std::vector<std::shared_ptr<tile::Tile>> tiles_;
  std::vector<std::size_t> rows_, columns_;
  Bias bias_kind_;
  std::vector<std::vector<float>> scales_;  // empty where all of a tile's are 1
  std::vector<float> bias_;
  double rate_scale_ = 1;
  // Of the present call.
  std::vector<float> lines_, part_, partial_;
};

}  // namespace mho::network
