// What the four lanes of a quad do together: in an accumulator of mma.sync and wgmma they hold one row of 8
// columns, two columns each.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// Lane t of a quad gives w[j] to lane j, and gets the word t of lane j as w[j]. All lanes of the warp.
__device__ inline void transpose_quad(std::uint32_t (&w)[4]) {
  const unsigned t = threadIdx.x % 4;
  // The lane `distance` away gets the one that is on its side.
  const auto exchange = [t](std::uint32_t& low, std::uint32_t& high, int distance) {
    const bool upper = (t & static_cast<unsigned>(distance)) != 0;
    const std::uint32_t got = __shfl_xor_sync(0xFFFFFFFFu, upper ? low : high, distance);
    low = upper ? got : low;
    high = upper ? high : got;
  };
  exchange(w[0], w[1], 1);
  exchange(w[2], w[3], 1);
  exchange(w[0], w[2], 2);
  exchange(w[1], w[3], 2);
}

}  // namespace bragg::cuda
