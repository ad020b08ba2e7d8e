// What the lanes of a warp do together. All of them have to call.
#pragma once

#include <cuda_runtime.h>

namespace bragg::cuda {

inline constexpr unsigned all_lanes = 0xFFFFFFFFu;

/// The sum over the lanes; every one of them gets the same bits.
__device__ inline double warp_sum(double x) {
  for (int distance = 16; distance > 0; distance /= 2)
    x += __shfl_xor_sync(all_lanes, x, distance);
  return x;
}

}  // namespace bragg::cuda
