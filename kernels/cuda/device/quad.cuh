// The four lanes that share a row of a tensor core's accumulator.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// Of the lanes 4 q + t, t = 0..3: w[j] of lane t becomes w[t] of lane j. Its own inverse. Asked of all lanes
/// of a warp.
__device__ inline void transpose_quad(std::uint32_t (&w)[4]) {
  constexpr unsigned everyone = 0xFFFFFFFFu;
  const unsigned t = threadIdx.x % 4;
#pragma unroll
  for (unsigned distance = 1; distance <= 2; distance *= 2) {
    const bool high = (t & distance) != 0;
#pragma unroll
    for (unsigned low = 0; low < 4; ++low) {
      if (low & distance) continue;
      const unsigned other = low | distance;
      const std::uint32_t got =
          __shfl_xor_sync(everyone, high ? w[low] : w[other], static_cast<int>(distance));
      w[low] = high ? got : w[low];
      w[other] = high ? w[other] : got;
    }
  }
}

}  // namespace bragg::cuda
