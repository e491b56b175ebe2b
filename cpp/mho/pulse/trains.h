// Pulse trains of a chunk of samples, laid out as the update kernel reads them.
//
// A line's train is up to 64 slots in one or two 32-bit words; a coincidence is a slot in which both lines of a
// crosspoint pulse. Where the pulse type has no slots (mean count, deterministic implicit) the words hold a float from
// which the number of pulses of a crosspoint is computed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mho/aligned.h"
#include "mho/pulse/update_parameters.h"
#include "mho/random/philox.h"

namespace mho::pulse {

// Samples of a chunk are also the bits of a 64-bit set.
inline constexpr std::size_t chunk_samples = 64;

struct PulseCount {
  std::uint64_t up = 0;
  std::uint64_t down = 0;
};

// Which coincidences move a device, and where. A device of a one-sided pair takes those of one direction only, and
// every one of them moves it up. One that is subtracted takes all of them, the other way round.
enum class Directions { both, up_only, down_as_up, reversed };

class Trains {
 public:
  // Room for `samples` samples of `in` x-lines and `out` d-lines.
  void resize(std::size_t in, std::size_t out, std::size_t samples, const UpdateParameters& parameters);

  // Makes the trains of sample s, whose random numbers are those of `step`. Different samples may be made concurrently.
  void make(std::size_t s, const float* x, const float* d, double lr, double granularity,
            const UpdateParameters& parameters, random::Key key, std::uint64_t step);

  // Collects which samples have pulses where. To be called when all samples are made.
  void finish();

  // Lists of the d-lines that pulse, sample by sample: what the sparse kernel walks along.
  void list_lines();

  // Samples in which few d-lines pulse: no more than one in four. There the noise of pulses goes by the number of the
  // line among those that pulse, so that a call of the generator is not for lines that are silent.
  [[nodiscard]] std::uint64_t numbered() const { return numbered_; }
  // Counts the d-lines that pulse in these samples: what the dense kernel needs of them.
  void number_lines();
  // How many of them come before line 16 g, of a sample whose lines are numbered.
  [[nodiscard]] std::uint32_t number_of_first(std::size_t g, std::size_t s) const { return first_[g * samples_ + s]; }
  // Which of sixteen d-lines from 16 g pulse in sample s.
  [[nodiscard]] std::uint32_t d_pulsing(std::size_t g, std::size_t s) const;

  // How many blocks of four inputs by sixteen outputs have a pulsing line on both sides, in some of these samples or
  // counted for each of them.
  [[nodiscard]] std::size_t active_blocks(std::uint64_t samples = ~std::uint64_t{0}) const;
  [[nodiscard]] std::size_t active_blocks_and_samples(std::uint64_t samples = ~std::uint64_t{0}) const;

  [[nodiscard]] std::size_t samples() const { return samples_; }
  [[nodiscard]] int words() const { return words_; }
  [[nodiscard]] bool slots() const { return slots_; }
  // Four x-lines from 4 q, of sample s: [line][word]. And which of the lines are negative, a bit each, for all samples.
  [[nodiscard]] const std::uint32_t* x_bits(std::size_t q, std::size_t s) const {
    return x_bits_.data() + (q * samples_ + s) * static_cast<std::size_t>(words_) * 4;
  }
  [[nodiscard]] const std::uint8_t* x_negative(std::size_t q) const { return x_negative_.data() + q * samples_; }
  // Sixteen d-lines from 16 g, of sample s: words. And which are negative, for all samples.
  [[nodiscard]] const std::uint32_t* d_bits(std::size_t g, std::size_t s) const {
    return d_bits_.data() + (g * samples_ + s) * static_cast<std::size_t>(words_) * 16;
  }
  [[nodiscard]] const std::uint16_t* d_negative(std::size_t g) const { return d_negative_.data() + g * samples_; }
  // Samples in which x-line `input` pulses, and those in which at least one of sixteen d-lines does.
  [[nodiscard]] std::uint64_t x_active(std::size_t input) const { return x_active_[input]; }
  [[nodiscard]] std::uint64_t d_active(std::size_t g) const { return d_active_[g]; }
  [[nodiscard]] float divisor(std::size_t s) const { return divisor_[s]; }

  // The list of sample s: outputs (the sign bit tells a negative d) and trains. Its length is a multiple of 16, filled
  // up with lines that never pulse.
  [[nodiscard]] std::size_t list_length(std::size_t s) const { return list_begin_[s + 1] - list_begin_[s]; }
  [[nodiscard]] const std::uint32_t* list_outputs(std::size_t s) const { return list_outputs_.data() + list_begin_[s]; }
  [[nodiscard]] const std::uint32_t* list_bits(std::size_t s, std::size_t word) const {
    return list_bits_[word].data() + list_begin_[s];
  }

  // Pulses that devices of the whole array get, of some samples, a bit each.
  [[nodiscard]] PulseCount count(std::uint64_t samples = ~std::uint64_t{0},
                                 Directions directions = Directions::both) const;

 private:
  [[nodiscard]] PulseCount count_products(std::size_t s) const;
  // Samples in which at least one of four x-lines pulses.
  [[nodiscard]] std::uint64_t quad_active(std::size_t q) const;

  std::size_t in_ = 0, out_ = 0, samples_ = 0;
  int words_ = 1;
  bool slots_ = true;
  bool listed_ = false, counted_ = false;
  std::uint64_t numbered_ = 0;
  AlignedVector<std::uint32_t> first_;
  AlignedVector<std::uint32_t> x_bits_, d_bits_;
  AlignedVector<std::uint8_t> x_negative_;
  AlignedVector<std::uint16_t> d_negative_;
  AlignedVector<PulseCount> counts_;
  AlignedVector<std::uint64_t> x_active_, d_active_;
  AlignedVector<float> divisor_;
  AlignedVector<std::size_t> list_begin_;
  AlignedVector<std::uint32_t> list_outputs_, list_bits_[2];
};

}  // namespace mho::pulse
