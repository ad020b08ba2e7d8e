// The scan of CUB behind one function, so that the backend compiles where there is no CUB.
#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// Bytes of scratch that exclusive_sum takes.
std::size_t exclusive_sum_bytes(std::int64_t count);
/// dst[i] = src[0] + ... + src[i - 1], i < count, in device memory.
void exclusive_sum(const std::uint32_t* src, std::uint64_t* dst, std::int64_t count, void* scratch,
                   std::size_t scratch_bytes, cudaStream_t);

}  // namespace bragg::cuda
