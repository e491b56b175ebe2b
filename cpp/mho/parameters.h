// A configuration section as the engine receives it: named numbers, switches, choices, rows of numbers, and further
// sections, each to be read.
#pragma once

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mho/error.h"

namespace mho {

class Parameters {
 public:
  using Value = std::variant<bool, double, std::string, std::vector<double>, std::vector<Parameters>>;

  Parameters(std::string section, std::map<std::string, Value> values)
      : section_(std::move(section)), values_(std::move(values)) {}

  [[nodiscard]] const std::string& section() const { return section_; }

  [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }

  double number(const std::string& name) {
    const auto* value = std::get_if<double>(&find(name));
    if (value == nullptr) fail_type(section_ + "." + name + " must be a number");
    if (!std::isfinite(*value)) fail_value(section_ + "." + name + " must be finite");
    return *value;
  }

  // A number within [low, high].
  double number(const std::string& name, double low, double high) {
    const double value = number(name);
    if (value < low || value > high) {
      fail_value(section_ + "." + name + " must be in [" + std::to_string(low) + ", " + std::to_string(high) +
                 "], got " + std::to_string(value));
    }
    return value;
  }

  bool flag(const std::string& name) {
    const auto* value = std::get_if<bool>(&find(name));
    if (value == nullptr) fail_type(section_ + "." + name + " must be true or false");
    return *value;
  }

  std::string text(const std::string& name) {
    const auto* value = std::get_if<std::string>(&find(name));
    if (value == nullptr) fail_type(section_ + "." + name + " must be a string");
    return *value;
  }

  // A row of finite numbers.
  std::vector<double> numbers(const std::string& name) {
    const auto* row = std::get_if<std::vector<double>>(&find(name));
    if (row == nullptr) fail_type(section_ + "." + name + " must be a row of numbers");
    for (const double value : *row) {
      if (!std::isfinite(value)) fail_value(section_ + "." + name + " must be finite");
    }
    return *row;
  }

  // Sections within this one, and a single one.
  std::vector<Parameters>& sections(const std::string& name) {
    auto* found = std::get_if<std::vector<Parameters>>(&find(name));
    if (found == nullptr) fail_type(section_ + "." + name + " must be a section");
    return *found;
  }
  Parameters& section(const std::string& name) {
    auto& found = sections(name);
    if (found.size() != 1) fail_value(section_ + "." + name + " must be one section");
    return found.front();
  }

  // One of a few named choices.
  template <class Choice> Choice choice(const std::string& name, const std::map<std::string, Choice>& choices) {
    const std::string value = text(name);
    const auto found = choices.find(value);
    if (found != choices.end()) return found->second;
    std::string allowed;
    for (const auto& [key, unused] : choices) allowed += (allowed.empty() ? "" : ", ") + key;
    fail_value(section_ + "." + name + " must be one of " + allowed + ", got " + value);
  }

  // Everything given must have been read: nothing is silently ignored.
  void finish() const {
    for (const auto& [name, value] : values_) {
      if (!used_.contains(name)) fail_value(section_ + " has no parameter " + name);
    }
  }

 private:
  Value& find(const std::string& name) {
    const auto found = values_.find(name);
    if (found == values_.end()) fail_value(section_ + "." + name + " is missing");
    used_.insert(name);
    return found->second;
  }

  std::string section_;
  std::map<std::string, Value> values_;
  std::set<std::string> used_;
};

}  // namespace mho
