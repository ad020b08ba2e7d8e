// Which vector instructions this process uses: the fastest the machine has, or the one asked for.
#pragma once

#include <string_view>

#include "kernels/base/memory.h"

namespace bragg::cpu {

/// x86-64-v2 (SSE4.2), v3 (AVX2, FMA), v4 (AVX-512), v4 with AVX512-BF16, and with AMX's tiles of bfloat16 as
/// well; the fp32 of these is that of v4.
enum class InstructionSet { v2, v3, v4, v4_bf16, v4_amx };

std::string_view name_of(InstructionSet);  ///< "x86-64-v3", "x86-64-v4-bf16"
/// All features of that level of the x86-64 psABI, and bf16. Of AMX also the kernel's leave, which it asks for once.
bool machine_has(InstructionSet);
/// The fastest that the machine has: v4 where that has AVX512-BF16 too, but multiplies floats in less time.
InstructionSet best_instruction_set();
/// "" means the fastest. Throws UsageError for an unknown name or one that this machine cannot run.
InstructionSet parse_instruction_set(std::string_view);

struct NetworkKernels;  // isa/network_kernels.h: GEMM and elementwise
struct ViewKernels;     // isa/view_kernels.h: structures drawn and compared with patterns
struct RefineKernels;   // isa/refine_kernels.h: models of measured patterns
struct CrystalKernels;  // isa/crystal_kernels.h: structure factors and profiles

const NetworkKernels& network_kernels(InstructionSet);
const CrystalKernels& crystal_kernels(InstructionSet);
/// Products in bfloat16 where `element` is that; else in floats, with the same bits from v4 on.
const ViewKernels& view_kernels(InstructionSet, DType element);
const RefineKernels& refine_kernels(InstructionSet);

}  // namespace bragg::cpu
