// Construction of the CPU backend. Its ops are in one file each.
#include "kernels/cpu/cpu_backend.h"

#include <fmt/format.h>

namespace bragg::cpu {

CpuBackend::CpuBackend(InstructionSet instruction_set, int threads)
    : instruction_set_(instruction_set),
      network_(network_kernels(instruction_set)),
      crystal_(crystal_kernels(instruction_set)),
      pool_(threads),
      gemm_(network_, pool_) {}

std::string CpuBackend::description() const {
  return fmt::format("cpu: {}, {} thread{}", name_of(instruction_set_), pool_.size(),
                     pool_.size() == 1 ? "" : "s");
}

std::string CpuBackend::arithmetic() const {
  return fmt::format("cpu {}", name_of(instruction_set_));
}

}  // namespace bragg::cpu
