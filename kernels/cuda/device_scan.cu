#include <cub/device/device_scan.cuh>

#include "kernels/cuda/device_scan.h"
#include "kernels/cuda/runtime.h"

namespace bragg::cuda {
namespace {

/// With no scratch: only says how much it takes.
std::size_t scan(const std::uint32_t* src, std::uint64_t* dst, std::int64_t count, void* scratch,
                 std::size_t scratch_bytes, cudaStream_t stream) {
  check(cub::DeviceScan::ExclusiveScan(scratch, scratch_bytes, src, dst, ::cuda::std::plus<>{},
                                       std::uint64_t{0}, count, stream),
        "exclusive_sum");
  return scratch_bytes;
}

}  // namespace

std::size_t exclusive_sum_bytes(std::int64_t count) {
  return scan(nullptr, nullptr, count, nullptr, 0, nullptr);
}

void exclusive_sum(const std::uint32_t* src, std::uint64_t* dst, std::int64_t count, void* scratch,
                   std::size_t scratch_bytes, cudaStream_t stream) {
  scan(src, dst, count, scratch, scratch_bytes, stream);
}

}  // namespace bragg::cuda
