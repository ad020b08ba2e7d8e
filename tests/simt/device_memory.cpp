#include "tests/simt/device_memory.h"

#include <map>

#include <cuda_runtime.h>
#include <sys/mman.h>

#include "tests/simt/recording.h"

namespace simt {
namespace {

constexpr std::size_t total = std::size_t{1} << 40;  ///< more is refused as a GPU would refuse it
constexpr std::size_t page = 4096;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_protected = false;
#else
constexpr bool is_protected = true;
#endif

/// Address -> bytes.
std::map<const std::byte*, std::size_t>& blocks() {
  static std::map<const std::byte*, std::size_t> all;
  return all;
}

int open_count = 0;

std::size_t pages(std::size_t bytes) {
  return (bytes + page - 1) / page * page;
}

void protect_all(int protection) {
  if (!is_protected) return;
  for (const auto& [address, bytes] : blocks())
    mprotect(const_cast<std::byte*>(address), pages(bytes), protection);
}

/// Whether [address, address + bytes) is device memory.
bool is_device(const void* address, std::size_t bytes) {
  const auto* first = static_cast<const std::byte*>(address);
  auto block = blocks().upper_bound(first);
  if (block == blocks().begin()) return false;
  --block;
  return first + bytes <= block->first + block->second;
}

/// Both ends of a copy on the side that its kind says.
bool sides_are_right(const void* dst, const void* src, std::size_t dst_bytes, std::size_t src_bytes,
                     cudaMemcpyKind kind) {
  return is_device(dst, dst_bytes) == (kind != cudaMemcpyDeviceToHost) &&
         is_device(src, src_bytes) == (kind != cudaMemcpyHostToDevice);
}

}  // namespace

DeviceAccess::DeviceAccess() {
  if (open_count++ == 0) protect_all(PROT_READ | PROT_WRITE);
}

DeviceAccess::~DeviceAccess() {
  if (--open_count == 0) protect_all(PROT_NONE);
}

}  // namespace simt

cudaError_t simt_malloc(void** memory, std::size_t bytes) {
  if (simt::is_recording()) return cudaErrorStreamCaptureUnsupported;
  if (bytes > simt::total) return cudaErrorMemoryAllocation;
  void* block = nullptr;
  if (simt::is_protected) {
    block = mmap(nullptr, simt::pages(bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return cudaErrorMemoryAllocation;
  } else if (posix_memalign(&block, 256, bytes) != 0) {
    return cudaErrorMemoryAllocation;
  }
  simt::blocks()[static_cast<const std::byte*>(block)] = bytes;
  *memory = block;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  const auto block = simt::blocks().find(static_cast<const std::byte*>(memory));
  if (block == simt::blocks().end()) return cudaErrorInvalidValue;
  if (simt::is_protected) {
    munmap(memory, simt::pages(block->second));
  } else {
    std::free(memory);
  }
  simt::blocks().erase(block);
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = simt::total;
  return cudaSuccess;
}

cudaError_t cudaMemset(void* dst, int value, std::size_t bytes) {
  if (!simt::is_device(dst, bytes)) return cudaErrorInvalidValue;
  const simt::DeviceAccess access;
  std::memset(dst, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* dst, int value, std::size_t bytes, cudaStream_t stream) {
  if (!simt::is_recording()) return cudaMemset(dst, value, bytes);
  simt::record(stream, [=] { cudaMemset(dst, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* dst, const void* src, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (simt::is_recording() && kind != cudaMemcpyDeviceToDevice) return cudaErrorStreamCaptureUnsupported;
  if (!simt::sides_are_right(dst, src, bytes, bytes, kind)) return cudaErrorInvalidValue;
  if (simt::is_recording()) {
    simt::record(stream, [=] { cudaMemcpyAsync(dst, src, bytes, kind, stream); });
    return cudaSuccess;
  }
  const simt::DeviceAccess access;
  std::memcpy(dst, src, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void* dst, std::size_t dst_pitch, const void* src, std::size_t src_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t) {
  if (simt::is_recording()) return cudaErrorStreamCaptureUnsupported;
  if (height == 0) return cudaSuccess;
  if (width > dst_pitch || width > src_pitch ||
      !simt::sides_are_right(dst, src, (height - 1) * dst_pitch + width, (height - 1) * src_pitch + width,
                             kind))
    return cudaErrorInvalidValue;
  const simt::DeviceAccess access;
  for (std::size_t i = 0; i < height; ++i)
    std::memcpy(static_cast<char*>(dst) + i * dst_pitch, static_cast<const char*>(src) + i * src_pitch,
                width);
  return cudaSuccess;
}
