#include "mho/tile/tile.h"

#include <cmath>

#include "mho/array/device_list.h"
#include "mho/error.h"

namespace mho::tile {

Tile::Tile(std::size_t out_features, std::size_t in_features, const std::vector<std::uint64_t>& keys,
           Configuration configuration, int threads) {
  const periphery::IoParameters forward_io(configuration.forward_io);
  const periphery::IoParameters backward_io(configuration.backward_io);
  const pulse::UpdateParameters update(configuration.update);
  main_ = std::make_unique<array::Array>(
      array::make_crosspoints(configuration.device, {out_features, in_features, keys.size()}, keys, threads),
      forward_io, backward_io);
  rule_ = rule::make_rule(configuration.rule, *main_, update);
}

void Tile::forward(const array::Batch& x, float* y, bool noise, bool evaluation, int threads) {
  main_->read(periphery::Direction::forward, x, y, noise, evaluation, threads);
}

void Tile::backward(const array::Batch& d, float* y, bool noise, bool evaluation, int threads) {
  main_->read(periphery::Direction::backward, d, y, noise, evaluation, threads);
}

void Tile::update(const array::Batch& x, const array::Batch& d, double lr, int threads) {
  if (!std::isfinite(lr) || lr < 0) fail_value("update: lr must be >= 0, got " + std::to_string(lr));
  rule_->update(x, d, lr, threads);
}

void Tile::elapse(double seconds, int threads) {
  if (!std::isfinite(seconds) || seconds < 0) {
    fail_value("elapse: seconds must be >= 0, got " + std::to_string(seconds));
  }
  main_->elapse(seconds, threads);
}

void Tile::reset(const array::Selection& chosen, int threads) { main_->reset(chosen, threads); }

}  // namespace mho::tile
