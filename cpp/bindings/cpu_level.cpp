// mho._cpu: which of the compiled SIMD levels this CPU and its operating system run. Compiled for the baseline, so
// that it can be imported anywhere.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {

#if defined(__x86_64__)

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// Leaf of the CPUID instruction; all zero where the CPU does not have it.
Registers cpuid(std::uint32_t leaf) {
  Registers r;
  __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

/// XCR0: the register files that the operating system saves. Needs OSXSAVE.
std::uint32_t saved_state() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

template <std::size_t n> constexpr std::uint32_t bits(const std::array<int, n>& positions) {
  std::uint32_t mask = 0;
  for (const int position : positions) {
    mask |= std::uint32_t{1} << position;
  }
  return mask;
}

constexpr bool has(std::uint32_t value, std::uint32_t mask) { return (value & mask) == mask; }

/// Highest x86-64 level, by the bits of the Intel and AMD manuals; the psABI defines the levels. 0: below v2.
int highest_level() {
  // leaf 1 ecx: SSE3 0, SSSE3 9, CMPXCHG16B 13, SSE4.1 19, SSE4.2 20, POPCNT 23; leaf 0x80000001 ecx: LAHF 0
  const Registers one = cpuid(1), seven = cpuid(7), extended = cpuid(0x80000001U);
  if (!has(one.ecx, bits(std::array{0, 9, 13, 19, 20, 23})) || !has(extended.ecx, bits(std::array{0}))) {
    return 0;
  }
  // leaf 1 ecx: FMA 12, MOVBE 22, OSXSAVE 27, AVX 28, F16C 29; leaf 7 ebx: BMI1 3, AVX2 5, BMI2 8; LZCNT 5
  if (!has(one.ecx, bits(std::array{12, 22, 27, 28, 29})) || !has(seven.ebx, bits(std::array{3, 5, 8})) ||
      !has(extended.ecx, bits(std::array{5})) || !has(saved_state(), 0x06)) {
    return 2;
  }
  // leaf 7 ebx: AVX512F 16, DQ 17, CD 28, BW 30, VL 31; ecx: AVX512_VPOPCNTDQ 14, which mho's v4 adds to the psABI's
  if (!has(seven.ebx, bits(std::array{16, 17, 28, 30, 31})) || !has(seven.ecx, bits(std::array{14})) ||
      !has(saved_state(), 0xe6)) {
    return 3;
  }
  return 4;
}

bool runs(const std::string& level) {
  return level == "generic" || (level.size() == 2 && level[0] == 'v' && level[1] - '0' <= highest_level());
}

#else

bool runs(const std::string& level) { return level == "generic"; }

#endif

std::vector<std::string> split(const char* names) {
  std::vector<std::string> result;
  std::istringstream stream(names);
  for (std::string name; std::getline(stream, name, ',');) {
    result.push_back(name);
  }
  return result;
}

std::vector<std::string> supported_levels() {
  std::vector<std::string> result;
  for (const std::string& level : split(MHO_BUILT_LEVELS)) {
    if (runs(level)) {
      result.push_back(level);
    }
  }
  return result;
}

}  // namespace

PYBIND11_MODULE(MHO_MODULE_NAME, m) {
  m.doc() = "Detects the SIMD levels of this CPU.";
  m.def("built_levels", [] { return split(MHO_BUILT_LEVELS); }, "The levels that were compiled, lowest first.");
  m.def("supported_levels", &supported_levels, "The compiled levels that this CPU runs, lowest first.");
}
