// The engine's only way to say that something is wrong.
#pragma once

#include <stdexcept>
#include <string>

namespace mho {

// Each kind becomes one Python exception class in the bindings.
enum class ErrorKind { value, type, runtime };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

[[noreturn]] inline void fail_value(const std::string& message) { throw Error(ErrorKind::value, message); }
[[noreturn]] inline void fail_type(const std::string& message) { throw Error(ErrorKind::type, message); }
[[noreturn]] inline void fail_runtime(const std::string& message) { throw Error(ErrorKind::runtime, message); }

}  // namespace mho
