#include "mho/pulse/trains.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <numeric>
#include <optional>
#include <vector>

#include "mho/parallel.h"
#include "mho/random/stream.h"
#include "mho/simd/largest.h"

namespace mho::pulse {

namespace {

using simd::F32;
using simd::Mask;
using simd::U32;

constexpr std::uint32_t sign_bit = 0x80000000U;

// 32 independent trials of probability p in each lane, of which `slots` are wanted.
//
// A uniform number is compared with p bit by bit, all slots at once, from the most significant bit on, until every slot
// is decided: about ten words a line instead of one a slot, and exact to 2^-32. Where the comparison ends never changes
// its outcome.
U32 bernoulli(F32 p, std::uint32_t slots, const random::PulseStream& stream, std::uint32_t element,
              std::uint32_t first_draw) {
  const U32 wanted(slots);
  const Mask sure = p >= F32(1.0F);
  const Mask upper_half = p >= F32(0.5F);
  const U32 fraction = simd::round_to_int(simd::select(upper_half, p - F32(0.5F), p) * F32(0x1p32F));
  U32 threshold = simd::select(upper_half, fraction | U32(sign_bit), fraction);
  const U32 none(0U);
  U32 undecided = simd::select(simd::nonzero(threshold), wanted, none);
  undecided = simd::select(sure, none, undecided);
  U32 fired = simd::select(sure, wanted, none);
  for (std::uint32_t draw = 0; draw < 8 && simd::any(simd::nonzero(undecided)); ++draw) {
    const auto block = stream.words(element, first_draw + draw);
    for (const U32& word : block.word) {
      const U32 bit = simd::shift_right_signed<31>(threshold);  // all ones or none
      fired = fired | simd::andnot(word, undecided & bit);
      undecided = simd::andnot(word ^ bit, undecided);
      threshold = simd::shift_left<1>(threshold);
      undecided = simd::select(simd::nonzero(threshold), undecided, none);  // no bit left that could be larger
    }
  }
  return fired;
}

// The same for few slots, of sixteen lines after the other: each slot compares a word of its own. Lines that follow
// each other share calls of the generator, of which one slot takes a quarter.
class FewSlots {
 public:
  static constexpr int most = 8;

  FewSlots(const random::PulseStream& stream, int slots)
      : stream_(stream), slots_(static_cast<std::uint32_t>(slots)), together_(std::max(1U, 4U / slots_)) {}

  // For lines 16 group ...; groups come in order.
  U32 bernoulli(F32 p, std::uint32_t group) {
    const Mask sure = p >= F32(1.0F);
    // Integers are compared with their signs.
    const U32 flip(sign_bit);
    const Mask upper_half = p >= F32(0.5F);
    const U32 fraction = simd::round_to_int(simd::select(upper_half, p - F32(0.5F), p) * F32(0x1p32F));
    const U32 threshold = simd::select(upper_half, fraction, fraction ^ flip);
    const std::uint32_t first_word = group % together_ * slots_;
    U32 fired(0U);
    for (std::uint32_t slot = 0; slot < slots_; ++slot) {
      const std::uint32_t word = first_word + slot;
      draw(group - group % together_, word / 4);
      const Mask below = simd::greater(threshold, drawn_.word[word % 4] ^ flip) | sure;
      fired = fired | simd::select(below, U32(1U << slot), U32(0U));
    }
    return fired;
  }

 private:
  void draw(std::uint32_t group, std::uint32_t number) {
    if (group == group_ && number == number_) return;
    group_ = group;
    number_ = number;
    drawn_ = stream_.words(16 * group, number);
  }

  const random::PulseStream& stream_;
  const std::uint32_t slots_, together_;
  std::uint32_t group_ = ~0U, number_ = 0;  // that the words are of
  random::WordBlock drawn_;
};

// Sixteen values, or as many as there are.
F32 load_lines(const float* values, std::size_t count) {
  if (count >= 16) return F32::load(values);
  float padded[16] = {};
  std::copy_n(values, count, padded);
  return F32::load(padded);
}

struct LineSettings {
  float gain;
  int bl;
  double res;           // of the probability
  double res_implicit;  // of deterministic implicit pulses
};

std::uint64_t sum(U32 values) {
  std::uint32_t lanes[16];
  values.store(lanes);
  return std::accumulate(std::begin(lanes), std::end(lanes), std::uint64_t{0});
}

// What sixteen lines of one sample contribute: words[0], words[1] as the pulse type needs them.
void make_lines(F32 magnitude, const LineSettings& line, const UpdateParameters& parameters,
                const random::PulseStream& trains, std::optional<FewSlots>& few, const random::Stream& rounding,
                std::uint32_t group, int words, U32* result) {
  const std::uint32_t element = 16 * group;
  F32 p = magnitude * F32(line.gain);
  const auto rounding_noise = [&] { return random::open_uniform(rounding.words(element, 0).word[0]) - F32(0.5F); };
  const auto discretise = [&](F32 value, double res) {
    const F32 q(static_cast<float>(res));
    F32 steps = value / q;
    if (parameters.sto_round) steps = steps + rounding_noise();
    return simd::max(simd::rint(steps), F32(0.0F)) * q;
  };
  if (parameters.pulse_type == PulseType::deterministic_implicit) {
    if (line.res_implicit > 0) p = discretise(p, line.res_implicit);
    result[0] = simd::as_u32(simd::min(p, F32(1.0F)));
    return;
  }
  if (parameters.res > 0) p = discretise(p, parameters.res);
  p = simd::min(p, F32(1.0F));
  if (parameters.pulse_type == PulseType::mean_count) {
    result[0] = simd::as_u32(simd::rint(p * F32(static_cast<float>(line.bl))));
    return;
  }
  if (few) {
    result[0] = few->bernoulli(p, group);
    return;
  }
  for (int w = 0; w < words; ++w) {
    const int slots = std::clamp(line.bl - 32 * w, 0, 32);
    const std::uint32_t wanted = slots == 32 ? ~0U : (1U << slots) - 1U;
    result[w] = wanted == 0 ? U32(0U) : bernoulli(p, wanted, trains, element, static_cast<std::uint32_t>(8 * w));
  }
}

// How many lines of each sign pulse in each slot.
struct SlotCount {
  std::uint32_t of[2][max_bit_length] = {};

  void add(const U32* words, int bl, Mask negative) {
    const std::uint32_t signs = negative.bits();
    for (std::uint32_t slot = 0; slot < static_cast<std::uint32_t>(bl); ++slot) {
      const std::uint32_t fired = simd::nonzero(words[slot / 32] & U32(1U << (slot % 32))).bits();
      of[0][slot] += static_cast<std::uint32_t>(std::popcount(fired & ~signs));
      of[1][slot] += static_cast<std::uint32_t>(std::popcount(fired & signs));
    }
  }
};

// In each slot every pulsing x-line meets every pulsing d-line.
PulseCount coincidences(const SlotCount& x, const SlotCount& d, std::size_t slots) {
  PulseCount total;
  for (std::size_t slot = 0; slot < slots; ++slot) {
    const std::uint64_t xp = x.of[0][slot];
    const std::uint64_t xn = x.of[1][slot];
    const std::uint64_t dp = d.of[0][slot];
    const std::uint64_t dn = d.of[1][slot];
    total.up += xp * dn + xn * dp;
    total.down += xp * dp + xn * dn;
  }
  return total;
}

}  // namespace

void Trains::resize(std::size_t in, std::size_t out, std::size_t samples, const UpdateParameters& parameters) {
  listed_ = false;
  counted_ = false;
  in_ = in;
  out_ = out;
  samples_ = samples;
  slots_ = parameters.pulse_type == PulseType::stochastic;
  words_ = slots_ && (parameters.bl > 32 || parameters.open_length()) ? 2 : 1;
  const auto w = static_cast<std::size_t>(words_);
  const std::size_t quads = round_up(in, 4) / 4;
  const std::size_t groups = round_up(out, 16) / 16;
  x_bits_.resize(quads * samples * w * 4);
  x_negative_.resize(quads * samples);
  d_bits_.resize(groups * samples * w * 16);
  d_negative_.resize(groups * samples);
  counts_.resize(samples);
  x_active_.resize(quads * 4);
  d_active_.resize(groups);
  divisor_.resize(samples);
}

void Trains::make(std::size_t s, const float* x, const float* d, double lr, double granularity,
                  const UpdateParameters& parameters, random::Key key, std::uint64_t step) {
  const auto w = static_cast<std::size_t>(words_);
  const PulsePlan plan =
      plan_pulses(parameters, simd::largest_magnitude(x, in_), simd::largest_magnitude(d, out_), lr, granularity);
  divisor_[s] = parameters.pulse_type == PulseType::mean_count && plan.bl > 0 ? static_cast<float>(plan.bl) : 1.0F;

  const auto lines = [&](const float* values, std::size_t n, const LineSettings& line, random::Purpose train_purpose,
                         random::Purpose rounding_purpose, auto&& store) {
    const random::PulseStream trains(key, train_purpose, step);
    const random::Stream rounding(key, rounding_purpose, step);
    std::optional<FewSlots> few;
    if (slots_ && plan.bl > 0 && plan.bl <= FewSlots::most) few.emplace(trains, plan.bl);
    for (std::size_t g = 0; g * 16 < n; ++g) {
      const F32 value = load_lines(values + g * 16, n - g * 16);
      const F32 magnitude = simd::abs(value);
      U32 result[2] = {U32(0U), U32(0U)};
      const bool fires = plan.bl > 0 && simd::any(magnitude > F32(0.0F));
      if (fires) {
        make_lines(magnitude, line, parameters, trains, few, rounding, static_cast<std::uint32_t>(g), words_, result);
      }
      store(g, result, fires, simd::negative(simd::as_u32(value)));
    }
  };
  SlotCount x_slots;
  SlotCount d_slots;

  const std::size_t quads = x_active_.size() / 4;
  lines(x, in_, {plan.x_gain, plan.bl, parameters.res, parameters.x_res_implicit}, random::Purpose::train_x,
        random::Purpose::train_rounding_x, [&](std::size_t g, const U32* result, bool fired, Mask negative) {
          if (slots_ && fired) x_slots.add(result, plan.bl, negative);
          alignas(64) std::uint32_t bits[2][16];
          for (std::size_t k = 0; k < w; ++k) result[k].store(bits[k]);
          for (std::size_t i = 0; i < 4 && g * 4 + i < quads; ++i) {
            const std::size_t q = g * 4 + i;
            x_negative_[q * samples_ + s] = static_cast<std::uint8_t>(negative.bits() >> (4 * i) & 15U);
            std::uint32_t* to = x_bits_.data() + (q * samples_ + s) * 4 * w;
            if (w == 1) {
              std::copy_n(bits[0] + 4 * i, 4, to);
              continue;
            }
            for (std::size_t r = 0; r < 4; ++r) {
              for (std::size_t k = 0; k < w; ++k) to[r * w + k] = bits[k][4 * i + r];
            }
          }
        });
  // Implicit pulses: n = round(BL x_q d_q); the bit length goes with d.
  const float d_scale = parameters.pulse_type == PulseType::deterministic_implicit ? static_cast<float>(plan.bl) : 1.0F;
  lines(d, out_, {plan.d_gain, plan.bl, parameters.res, parameters.d_res_implicit}, random::Purpose::train_d,
        random::Purpose::train_rounding_d, [&](std::size_t g, const U32* result, bool fired, Mask negative) {
          if (slots_ && fired) d_slots.add(result, plan.bl, negative);
          d_negative_[g * samples_ + s] = static_cast<std::uint16_t>(negative.bits());
          for (std::size_t k = 0; k < w; ++k) {
            const U32 stored = slots_ ? result[k] : simd::as_u32(simd::as_f32(result[k]) * F32(d_scale));
            stored.store(d_bits_.data() + ((g * samples_ + s) * w + k) * 16);
          }
        });
  counts_[s] = slots_ ? coincidences(x_slots, d_slots, 32 * w) : count_products(s);
}

void Trains::finish() {
  const auto w = static_cast<std::size_t>(words_);
  std::ranges::fill(x_active_, 0);
  std::ranges::fill(d_active_, 0);
  for (std::size_t q = 0; q < x_active_.size() / 4; ++q) {
    std::uint64_t* active = x_active_.data() + 4 * q;
    std::size_t s = 0;
    // Four samples of four lines at a time.
    for (; w == 1 && s + 4 <= samples_; s += 4) {
      const std::uint32_t fire = simd::nonzero(U32::load(x_bits(q, s))).bits();
      for (std::uint32_t r = 0; r < 4; ++r) {
        const std::uint32_t line = fire >> r & 0x1111U;
        active[r] |= std::uint64_t{(line | line >> 3 | line >> 6 | line >> 9) & 15U} << s;
      }
    }
    for (; s < samples_; ++s) {
      const std::uint32_t* words = x_bits(q, s);
      for (std::size_t r = 0; r < 4; ++r) {
        const bool fires = (words[r * w] | words[r * w + w - 1]) != 0;
        active[r] |= static_cast<std::uint64_t>(fires) << s;
      }
    }
  }
  std::uint32_t lines[chunk_samples] = {};
  for (std::size_t g = 0; g < d_active_.size(); ++g) {
    for (std::size_t s = 0; s < samples_; ++s) {
      const std::uint32_t pulsing = d_pulsing(g, s);
      d_active_[g] |= static_cast<std::uint64_t>(pulsing != 0) << s;
      lines[s] += static_cast<std::uint32_t>(std::popcount(pulsing));
    }
  }
  numbered_ = 0;
  for (std::size_t s = 0; s < samples_ && slots_; ++s) {
    numbered_ |= static_cast<std::uint64_t>(4 * std::size_t{lines[s]} <= out_) << s;
  }
}

std::uint32_t Trains::d_pulsing(std::size_t g, std::size_t s) const {
  const std::uint32_t* bits = d_bits(g, s);
  return simd::nonzero(U32::load(bits) | U32::load(bits + 16 * static_cast<std::size_t>(words_ - 1))).bits();
}

void Trains::number_lines() {
  if (counted_ || numbered_ == 0) return;
  counted_ = true;
  first_.resize(d_active_.size() * samples_);
  for (std::uint64_t left = numbered_; left != 0; left &= left - 1) {
    const auto s = static_cast<std::size_t>(std::countr_zero(left));
    std::uint32_t number = 0;
    for (std::size_t g = 0; g < d_active_.size(); ++g) {
      first_[g * samples_ + s] = number;
      number += static_cast<std::uint32_t>(std::popcount(d_pulsing(g, s)));
    }
  }
}

std::uint64_t Trains::quad_active(std::size_t q) const {
  const std::uint64_t* of = x_active_.data() + 4 * q;
  return (of[0] | of[1]) | (of[2] | of[3]);
}

std::size_t Trains::active_blocks(std::uint64_t samples) const {
  std::size_t quads = 0;
  for (std::size_t q = 0; q < x_active_.size() / 4; ++q) quads += (quad_active(q) & samples) != 0 ? 1 : 0;
  const auto groups = std::ranges::count_if(d_active_, [&](std::uint64_t set) { return (set & samples) != 0; });
  return quads * static_cast<std::size_t>(groups);
}

std::size_t Trains::active_blocks_and_samples(std::uint64_t samples) const {
  std::size_t quads[chunk_samples] = {};
  std::size_t groups[chunk_samples] = {};
  const auto tally = [&](std::uint64_t set, std::size_t* counts) {
    for (set &= samples; set != 0; set &= set - 1) ++counts[std::countr_zero(set)];
  };
  for (std::size_t q = 0; q < x_active_.size() / 4; ++q) tally(quad_active(q), quads);
  for (const std::uint64_t set : d_active_) tally(set, groups);
  std::size_t blocks = 0;
  for (std::size_t s = 0; s < samples_; ++s) blocks += quads[s] * groups[s];
  return blocks;
}

void Trains::list_lines() {
  if (listed_) return;
  listed_ = true;
  const auto w = static_cast<std::size_t>(words_);
  list_begin_.assign(samples_ + 1, 0);
  const std::size_t most = samples_ * round_up(out_, 16) + 16;
  list_outputs_.resize(most);
  for (std::size_t k = 0; k < w; ++k) list_bits_[k].resize(most);
  std::size_t end = 0;
  for (std::size_t s = 0; s < samples_; ++s) {
    list_begin_[s] = end;
    for (std::size_t g = 0; g < d_active_.size(); ++g) {
      if (((d_active_[g] >> s) & 1) == 0) continue;
      const std::uint32_t* bits = d_bits(g, s);
      const Mask pulsing = Mask::of(d_pulsing(g, s));
      const U32 outputs = simd::lane_index() + U32(static_cast<std::uint32_t>(g * 16));
      const U32 sign = simd::select(Mask::of(d_negative(g)[s]), U32(sign_bit), U32(0U));
      std::size_t found = simd::compress_store(list_outputs_.data() + end, outputs | sign, pulsing);
      for (std::size_t k = 0; k < w; ++k) {
        found = simd::compress_store(list_bits_[k].data() + end, U32::load(bits + 16 * k), pulsing);
      }
      end += found;
    }
    for (; end % 16 != 0; ++end) {
      list_outputs_[end] = 0;
      for (std::size_t k = 0; k < w; ++k) list_bits_[k][end] = 0;
    }
  }
  list_begin_[samples_] = end;
}

PulseCount Trains::count(std::uint64_t samples, Directions directions) const {
  PulseCount total;
  for (std::size_t s = 0; s < samples_; ++s) {
    if ((samples >> s & 1) == 0) continue;
    const bool swapped = directions == Directions::down_as_up || directions == Directions::reversed;
    total.up += swapped ? counts_[s].down : counts_[s].up;
    if (directions == Directions::both) total.down += counts_[s].down;
    if (directions == Directions::reversed) total.down += counts_[s].up;
  }
  return total;
}

PulseCount Trains::count_products(std::size_t s) const {
  std::vector<std::size_t> groups;  // with a d that is not zero: where rows are written, one of all
  for (std::size_t g = 0; g < d_active_.size(); ++g) {
    if (simd::any(simd::nonzero(U32::load(d_bits(g, s))))) groups.push_back(g);
  }
  PulseCount total;
  const F32 divisor(divisor_[s]);
  const U32 none(0U);
  for (std::size_t j = 0; j < in_; ++j) {
    const float x = std::bit_cast<float>(x_bits(j / 4, s)[j % 4]);
    if (x == 0) continue;
    U32 positive = none;  // pulses of lines whose d is positive: a train has 64 slots at most
    U32 negative = none;
    for (const std::size_t g : groups) {
      const U32 n = simd::round_to_int(F32(x) * simd::as_f32(U32::load(d_bits(g, s))) / divisor);
      const Mask d_is_negative = Mask::of(d_negative(g)[s]);
      positive = positive + simd::select(d_is_negative, none, n);
      negative = negative + simd::select(d_is_negative, n, none);
    }
    const bool x_is_negative = (x_negative(j / 4)[s] >> (j % 4) & 1U) != 0;
    total.up += sum(x_is_negative ? positive : negative);
    total.down += sum(x_is_negative ? negative : positive);
  }
  return total;
}

}  // namespace mho::pulse
