#include "mho/rule/chopped_tiki_taka2.h"

#include <algorithm>
#include <cmath>

namespace mho::rule {

ChoppedTikiTaka2::ChoppedTikiTaka2(Parameters& p, array::Array& main, const pulse::UpdateParameters& update,
                                   Threads threads)
    : TransferRule(p, main, update, threads),
      in_chop_prob_(p.number("in_chop_prob", 0, 1)),
      out_chop_prob_(p.number("out_chop_prob", 0, 1)),
      in_chop_random_(p.flag("in_chop_random")),
      granularity_(p, 1e-12),
      auto_scale_(p),
      correct_gradient_magnitudes_(p.flag("correct_gradient_magnitudes")),
      step_(p.number("step", 1e-12, 1e12)),
      steps_(p),
      buffer_(&add_buffer("buffer")),
      in_chopper_(&add_line_buffer("in_chopper", lines(), 1.0F)),
      out_chopper_(&add_line_buffer("out_chopper", line_length(), 1.0F)),
      changed_(&add_line_buffer("chopper_changed", lines(), 0.0F)),
      maxima_(&add_line_buffer("running_maxima", 2, 0.0F)) {}

double ChoppedTikiTaka2::fast_rate(std::size_t k, double lr, const float* x, const float* d) {
  const double rate = TransferRule::fast_rate(k, lr, x, d);
  if (!auto_scale_.on()) return rate;
  return auto_scale_.rate(rate * update_.bl * fast_[0]->crosspoints().granularity(), maxima_->of(k),
                          {x, main_.shape().in_features}, {d, main_.shape().out_features}, batch_size_);
}

float ChoppedTikiTaka2::gain(double lr, double rate) const {
  const double fast = fast_[0]->crosspoints().granularity();
  double granularity = granularity_.of(fast, static_cast<double>(lines()) * every_ * batch_size_);
  if (correct_gradient_magnitudes_) {
    if (rate <= 0) return 0;
    granularity *= rate * main_.crosspoints().granularity() / fast;
  }
  return static_cast<float>(transfer_rate(0, lr) / granularity);
}

void ChoppedTikiTaka2::digest(std::size_t, std::size_t k, const Event& event, double lr, double rate, const float* read,
                              float* write) {
  float* buffer = buffer_->of(k) + event.line[k] * line_length();
  const float* sign = event.sign.data() + k * line_length();
  const float unit = gain(lr, rate);
  const auto most = static_cast<float>(transfer_update_.bl);
  for (std::size_t i = 0; i < line_length(); ++i) {
    buffer[i] += sign[i] * read[i] * unit;
    write[i] = steps_.take(buffer[i], most);
  }
}

double ChoppedTikiTaka2::write_rate(std::size_t, double) const { return step_ * main_.crosspoints().granularity(); }

TransferRule::Signs ChoppedTikiTaka2::signs(std::size_t k) { return {in_chopper_->of(k), out_chopper_->of(k)}; }

std::uint64_t ChoppedTikiTaka2::regular_period() const {
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(1 / in_chop_prob_)), 2);
}

void ChoppedTikiTaka2::line_was_read(std::size_t k, Event& event) {
  const random::Key key = fast_[0]->crosspoints().key(k);
  float& changed = changed_->of(k)[event.line[k]];
  event.fresh[k] = changed > 0;
  bool change = false;
  if (in_chop_prob_ > 0) {
    change = in_chop_random_ ? chance(key, random::Purpose::chopper, event.number) < in_chop_prob_
                             : event.before[k] % regular_period() + 1 == regular_period();
  }
  changed = change ? 1.0F : 0.0F;
  if (change) in_chopper_->of(k)[event.line[k]] *= -1.0F;
  if (out_chop_prob_ > 0 && (event.number + 1) % lines() == 0) {
    float* signs = out_chopper_->of(k);
    for (std::size_t i = 0; i < line_length(); ++i) {
      if (chance(key, random::Purpose::output_chopper, event.sweep, static_cast<std::uint32_t>(i)) < out_chop_prob_) {
        signs[i] = -signs[i];
      }
    }
  }
}

}  // namespace mho::rule
