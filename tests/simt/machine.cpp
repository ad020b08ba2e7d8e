#include "tests/simt/machine.h"

#include <cstring>

#include <cuda_runtime.h>

simt::Machine& simt::machine() {
  static Machine all;
  return all;
}

namespace {
bool has_gpu(int index) {
  return index >= 0 && index < static_cast<int>(simt::machine().gpus.size());
}
}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  constexpr int runtime_version = 12000;
  if (simt::machine().driver_version < runtime_version) return cudaErrorInsufficientDriver;
  *count = static_cast<int>(simt::machine().gpus.size());
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = simt::machine().driver_version;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int index) {
  if (!has_gpu(index)) return cudaErrorInvalidValue;
  simt::machine().current = index;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  if (!has_gpu(index)) return cudaErrorInvalidValue;
  const simt::Gpu& gpu = simt::machine().gpus[static_cast<std::size_t>(index)];
  *properties = {"", gpu.major, gpu.minor, simt::machine().multiprocessors, 0, 227 << 10};
  std::strncpy(properties->name, gpu.name.c_str(), sizeof properties->name - 1);
  std::size_t free = 0;
  return cudaMemGetInfo(&free, &properties->totalGlobalMem);
}
