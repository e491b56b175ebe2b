// What the tests share: configurations with defaults, inputs, and a look at what an array holds.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "mho/array/array.h"
#include "mho/array/device_list.h"
#include "mho/error.h"
#include "mho/parameters.h"
#include "mho/random/philox.h"
#include "mho/random/purpose.h"

namespace mho::tests {

using Values = std::map<std::string, Parameters::Value>;

Parameters merged(const std::string& section, Values values, const Values& changes);

Values pulsed_values();

// Rows of quantiles of a JumpTable.
std::vector<Parameters> jump_rows(const std::vector<std::vector<double>>& rows);

// The parameters of a device model: what it needs, with the changes that are asked for.
Parameters device(const std::string& type, const Values& changes = {});

// A device without any spread.
Values no_spread();

Parameters update(const Values& changes = {});

pulse::UpdateParameters update_parameters(const Values& changes = {});

// A periphery with nothing but bounds that are far away: every flaw is switched on by the test that looks at it.
Parameters io(const Values& changes = {});

periphery::IoParameters io_parameters(const Values& changes = {});

Values default_io();

std::unique_ptr<array::Array> make_array(Parameters device_parameters, const array::Shape& shape,
                                         const std::vector<std::uint64_t>& keys = {0x0123456789ABCDEFULL},
                                         const Values& io_changes = {}, Threads threads = 1);

// The parameters of a rule with a fast array of the same devices, with the changes that are asked for.
Parameters transfer_rule(const std::string& type, const std::string& device_type, const Values& changes = {});

// Every pulsed model, with what lets its kernel take each of its branches: fine and coarse steps, both kinds of noise.
struct Model {
  std::string type;
  Values changes;
  std::string name;
};

void PrintTo(const Model& model, std::ostream* out);

std::vector<Model> pulsed_models();

std::string model_name(const testing::TestParamInfo<Model>& info);

// Uniform numbers in [-bound, bound], some of them zero.
std::vector<float> random_values(std::size_t n, std::uint32_t seed, float bound = 1.0F, double zeros = 0.0);

std::vector<float> plane(array::Array& a, const std::string& name);

// All that an update may change, and what a read sees with its padding.
struct State {
  std::vector<std::vector<float>> planes;
  std::uint64_t step = 0;
  std::vector<std::vector<std::uint64_t>> counters;
  bool operator==(const State&) const = default;
};

State state_of(array::Array& a);

// Pulses that an array of simple devices has fired, of one instance.
pulse::PulseCount pulses_of(const array::Array& a, std::size_t instance = 0);

// The message of the engine's error that a call throws; empty, and a failure of the test, where it throws none.
template <class Call> std::string error_of(Call&& call, ErrorKind kind = ErrorKind::value) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return {};
}

void expect_contains(const std::string& text, const std::string& part);

// The words of one counter, straight from the generator: the layout that the randomness contract promises.
template <int rounds = random::philox_rounds>
random::Words words_of(std::uint64_t key, std::uint16_t purpose, std::uint64_t step, std::uint32_t element,
                       std::uint32_t draw) {
  const auto high = static_cast<std::uint32_t>(step >> 32) | (static_cast<std::uint32_t>(purpose) << 16);
  return random::philox<rounds>({draw, element, static_cast<std::uint32_t>(step), high}, random::Key::from(key));
}

// The eight gaussians of one counter in double precision.
std::array<double, 8> gaussians_of(const random::Words& words);
// The same of pulses, by tables.
std::array<double, 8> table_gaussians_of(const random::Words& words);

}  // namespace mho::tests
