// Construction of the CPU backend. Its ops are in one file each.
#include "kernels/cpu/cpu_backend.h"

#include <algorithm>

#include <fmt/format.h>

namespace bragg::cpu {

CpuBackend::CpuBackend(InstructionSet instruction_set, DType element, int threads)
    : instruction_set_(instruction_set),
      network_(network_kernels(instruction_set)),
      crystal_(crystal_kernels(instruction_set)),
      views_(view_kernels(instruction_set, element)),
      refinement_(refine_kernels(instruction_set)),
      pool_(threads) {
  if (element == DType::bf16)
    in_bf16_.emplace(network_, pool_);
  else
    in_f32_.emplace(network_, pool_);
}

std::string CpuBackend::description() const {
  return fmt::format("cpu: {}{}, {} thread{}", name_of(instruction_set_), in_bf16_ ? ", bf16" : "",
                     pool_.size(), pool_.size() == 1 ? "" : "s");
}

std::string CpuBackend::arithmetic() const {
  // In fp32 the bits are those of v4.
  if (in_bf16_) return fmt::format("cpu {}, bf16", name_of(instruction_set_));
  return fmt::format("cpu {}", name_of(std::min(instruction_set_, InstructionSet::v4)));
}

}  // namespace bragg::cpu
