#include "kernels/cpu/instruction_set.h"

#include <cpuid.h>
#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/cpu/isa/crystal_kernels.h"
#include "kernels/cpu/isa/network_kernels.h"

namespace bragg::cpu {
namespace {

/// What x86-64-v3 has beside AVX2, FMA and BMI.
bool has_movbe_f16c_lzcnt() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned movbe = 1u << 22, f16c = 1u << 29, lzcnt = 1u << 5;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (movbe | f16c)) != (movbe | f16c)) return false;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & lzcnt) != 0;
}

}  // namespace

bool machine_has(InstructionSet set) {
  // The levels by their defining features: clang 14 does not know "x86-64-v3".
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_movbe_f16c_lzcnt();
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  switch (set) {
    case InstructionSet::v2:
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    case InstructionSet::v3:
      return v3;
    case InstructionSet::v4:
      return v4;
    case InstructionSet::v4_bf16:
      return v4 && __builtin_cpu_supports("avx512bf16");
  }
  return false;
}

std::string_view name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::v2:
      return "x86-64-v2";
    case InstructionSet::v3:
      return "x86-64-v3";
    case InstructionSet::v4:
      return "x86-64-v4";
    case InstructionSet::v4_bf16:
      return "x86-64-v4-bf16";
  }
  return "";
}

InstructionSet best_instruction_set() {
  for (const auto set : {InstructionSet::v4_bf16, InstructionSet::v4, InstructionSet::v3}) {
    if (machine_has(set)) return set;
  }
  return InstructionSet::v2;
}

InstructionSet parse_instruction_set(std::string_view text) {
  if (text.empty()) return best_instruction_set();
  for (const auto set :
       {InstructionSet::v2, InstructionSet::v3, InstructionSet::v4, InstructionSet::v4_bf16}) {
    if (text != name_of(set)) continue;
    if (!machine_has(set))
      throw UsageError(fmt::format("instruction set {}: this machine has {} at best", text,
                                   name_of(best_instruction_set())));
    return set;
  }
  throw UsageError(
      fmt::format("unknown instruction set '{}': x86-64-v2, x86-64-v3, x86-64-v4 or x86-64-v4-bf16", text));
}

const NetworkKernels& network_kernels(InstructionSet set) {
  static const NetworkKernels with_bf16 = [] {
    NetworkKernels kernels = v4::network_kernels;
    kernels.of_bfloat16 = &v4_bf16::bf16_kernels;
    return kernels;
  }();
  switch (set) {
    case InstructionSet::v4_bf16:
      return with_bf16;
    case InstructionSet::v4:
      return v4::network_kernels;
    case InstructionSet::v3:
      return v3::network_kernels;
    case InstructionSet::v2:
      break;
  }
  return v2::network_kernels;
}

const CrystalKernels& crystal_kernels(InstructionSet set) {
  switch (set) {
    case InstructionSet::v4_bf16:
    case InstructionSet::v4:
      return v4::crystal_kernels;
    case InstructionSet::v3:
      return v3::crystal_kernels;
    case InstructionSet::v2:
      break;
  }
  return v2::crystal_kernels;
}

}  // namespace bragg::cpu
