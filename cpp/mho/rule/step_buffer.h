// A digital number becomes whole pulses: what a buffer gives away when it passes a threshold, and what the threshold
// is.
#pragma once

#include <algorithm>
#include <cmath>

#include "mho/parameters.h"

namespace mho::rule {

class StepBuffer {
 public:
  explicit StepBuffer(Parameters& p) : momentum_(p.number("momentum", 0, 1)), forget_(p.flag("forget_buffer")) {}

  // The pulses, at most `most` in each direction, that a buffered value gives, in units of the threshold. What is left
  // of it: a share of the whole (forget_buffer), or all that was not written and a share of what was.
  [[nodiscard]] float take(float& value, float most) const {
    if (std::fabs(value) < 1) return 0;
    const float steps = std::clamp(std::trunc(value), -most, most);
    if (forget_) {
      value *= static_cast<float>(momentum_);
    } else {
      value -= static_cast<float>(1 - momentum_) * steps;
    }
    return steps;
  }
  [[nodiscard]] bool forgets() const { return forget_; }

 private:
  double momentum_;
  bool forget_;
};

// The threshold where it goes by the steps of the fast array that is read. In a schedule with more samples from one
// read of a line to the next, one read counts for more.
class BufferGranularity {
 public:
  // 0, for no buffer, only where `least` is.
  BufferGranularity(Parameters& p, double least)
      : size_(p.number("buffer_granularity", least, 1e12)), auto_(p.number("auto_granularity", 0, 1e12)) {}

  [[nodiscard]] bool given() const { return size_ > 0; }
  // `samples` are those between two reads of a line.
  [[nodiscard]] double of(double granularity, double samples) const {
    const double size = size_ * granularity;
    return auto_ > 0 ? size * (auto_ / samples) : size;
  }

 private:
  double size_, auto_;
};

}  // namespace mho::rule
