// A learning rate of the fast array with which gradients of the usual size fill whole trains (Rasch, Carta, Fagbohungbe
// and Gokmen, Nat. Commun. 15:7133, 2024).
#pragma once

#include <span>

#include "mho/parameters.h"
#include "mho/simd/largest.h"

namespace mho::rule {

class AutoScale {
 public:
  explicit AutoScale(Parameters& p) : on_(p.flag("auto_scale")), momentum_(p.number("auto_momentum", 0, 1)) {}

  [[nodiscard]] bool on() const { return on_; }
  // The learning rate of a sample. `full` is that which fills the trains where the largest |x| and |d| are 1, `means`
  // are the running means of these two, which take in the sample.
  [[nodiscard]] double rate(double full, float* means, std::span<const float> x, std::span<const float> d,
                            double batch_size) const {
    const float now[2] = {simd::largest_magnitude(x.data(), x.size()), simd::largest_magnitude(d.data(), d.size())};
    const auto share = static_cast<float>((1 - momentum_) / batch_size);
    for (int i = 0; i < 2; ++i) {
      if (means[i] <= 0) {
        means[i] = now[i];
      } else if (now[i] > 0) {
        means[i] = (1 - share) * means[i] + share * now[i];
      }
    }
    return means[0] > 0 && means[1] > 0 ? full / means[0] / means[1] : full;
  }

 private:
  bool on_;
  double momentum_;
};

}  // namespace mho::rule
