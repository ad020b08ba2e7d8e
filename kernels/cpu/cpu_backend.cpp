// Construction and memory of the CPU backend. Its ops are in one file each.
#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "kernels/host_memory.h"

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

Buffer CpuBackend::allocate(std::size_t bytes) {
  return allocate_host_memory(bytes);
}

void CpuBackend::fill_zero(void* dst, std::size_t bytes) {
  if (bytes > 0) std::memset(dst, 0, bytes);
}

void CpuBackend::upload(const void* host, void* dst, std::size_t bytes) {
  if (bytes > 0) std::memcpy(dst, host, bytes);
}

void CpuBackend::download(const void* src, void* host, std::size_t bytes) {
  if (bytes > 0) std::memcpy(host, src, bytes);
}

void CpuBackend::copy(const void* src, void* dst, std::size_t bytes) {
  if (bytes > 0) std::memcpy(dst, src, bytes);
}

void CpuBackend::upload(std::span<const float> host, Tensor dst) {
  check_number_type("upload", dst);
  std::copy(host.begin(), host.end(), dst.as<float>());
}

void CpuBackend::download(ConstTensor src, std::span<float> host) {
  check_number_type("download", src);
  std::copy_n(src.as<float>(), host.size(), host.begin());
}

}  // namespace bragg::cpu
