#include "kernels/cpu/instruction_set.h"

#include <cpuid.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels/base/error.h"
#include "kernels/cpu/isa/crystal_kernels.h"
#include "kernels/cpu/isa/network_kernels.h"
#include "kernels/cpu/isa/refine_kernels.h"
#include "kernels/cpu/isa/view_kernels.h"

namespace bragg::cpu {
namespace {

/// What x86-64-v3 has beside AVX2, FMA and BMI.
bool has_movbe_f16c_lzcnt() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned movbe = 1u << 22, f16c = 1u << 29, lzcnt = 1u << 5;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (movbe | f16c)) != (movbe | f16c)) return false;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & lzcnt) != 0;
}

/// Tiles of bfloat16, and the system's leave to use them: threads that never ask for it need not keep room for
/// eight kilobytes more of registers.
bool may_use_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (amx_bf16 | amx_tile)) != (amx_bf16 | amx_tile))
    return false;
  constexpr int request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM of newer headers
  return ::syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

/// Whether the dot products of bfloat16 take longer than as many products of floats, and so bring nothing. That is so of
/// Intel's processors that are made to multiply bfloat16 in tiles (known by AVX512-FP16) where the system keeps the tiles
/// to itself: measured on a Xeon of model 207, a core does 0.45 times as many products in dot products as in fp32.
bool has_slow_dot_products() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned avx512_fp16 = 1u << 23;
  return __builtin_cpu_is("intel") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & avx512_fp16) != 0;
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
    case InstructionSet::v4_amx: {
      static const bool may = may_use_amx();
      return v4 && __builtin_cpu_supports("avx512bf16") && may;
    }
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
    case InstructionSet::v4_amx:
      return "x86-64-v4-amx";
  }
  return "";
}

InstructionSet best_instruction_set() {
  for (const auto set :
       {InstructionSet::v4_amx, InstructionSet::v4_bf16, InstructionSet::v4, InstructionSet::v3}) {
    if (set == InstructionSet::v4_bf16 && has_slow_dot_products()) continue;
    if (machine_has(set)) return set;
  }
  return InstructionSet::v2;
}

InstructionSet parse_instruction_set(std::string_view text) {
  if (text.empty()) return best_instruction_set();
  for (const auto set : {InstructionSet::v2, InstructionSet::v3, InstructionSet::v4, InstructionSet::v4_bf16,
                         InstructionSet::v4_amx}) {
    if (text != name_of(set)) continue;
    if (!machine_has(set))
      throw UsageError(fmt::format("instruction set {}: this machine lacks it, its fastest is {}", text,
                                   name_of(best_instruction_set())));
    return set;
  }
  throw UsageError(fmt::format(
      "unknown instruction set '{}': x86-64-v2, x86-64-v3, x86-64-v4, x86-64-v4-bf16 or x86-64-v4-amx",
      text));
}

const NetworkKernels& network_kernels(InstructionSet set) {
  static const NetworkKernels with_bf16 = [] {
    NetworkKernels kernels = v4::network_kernels;
    kernels.of_bfloat16 = &v4_bf16::bf16_kernels;
    return kernels;
  }();
  static const ElementKernels<BFloat16> in_tiles = [] {
    ElementKernels<BFloat16> kernels = v4_bf16::bf16_kernels;
    kernels.tiles = v4_amx::amx_tiles;
    kernels.tile_count = amx_tile_count;
    kernels.windows = &v4_amx::window_products;
    return kernels;
  }();
  static const NetworkKernels with_amx = [] {
    NetworkKernels kernels = v4::network_kernels;
    kernels.of_bfloat16 = &in_tiles;
    return kernels;
  }();
  switch (set) {
    case InstructionSet::v4_amx:
      return with_amx;
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
    case InstructionSet::v4_amx:
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

const RefineKernels& refine_kernels(InstructionSet set) {
  switch (set) {
    case InstructionSet::v4_amx:
    case InstructionSet::v4_bf16:
    case InstructionSet::v4:
      return v4::refine_kernels;
    case InstructionSet::v3:
      return v3::refine_kernels;
    case InstructionSet::v2:
      break;
  }
  return v2::refine_kernels;
}

const ViewKernels& view_kernels(InstructionSet set, DType element) {
  switch (set) {
    case InstructionSet::v4_amx:
    case InstructionSet::v4_bf16:
      return element == DType::bf16 ? v4_bf16::view_kernels : v4::view_kernels;
    case InstructionSet::v4:
      return v4::view_kernels;
    case InstructionSet::v3:
      return v3::view_kernels;
    case InstructionSet::v2:
      break;
  }
  return v2::view_kernels;
}

}  // namespace bragg::cpu
