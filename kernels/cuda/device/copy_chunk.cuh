// Eight numbers from global to shared memory, zeros beyond a count.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/ptx.cuh"

namespace bragg::cuda {

/// `aligned`: rows lie at multiples of 16 bytes, and the hardware copies while the block computes (cp.async; `anywhere` is
/// an address that it may name where there is nothing to copy). Else they are put together from single numbers.
/// count: 0..8.
template <bool aligned>
__device__ inline void copy_chunk(BFloat16* shared, const BFloat16* src, int count,
                                  const BFloat16* anywhere) {
  if constexpr (aligned) {
    copy_async(shared, count > 0 ? src : anywhere, static_cast<std::uint32_t>(count) * sizeof(BFloat16));
  } else {
    Pack<BFloat16, 8> values;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      values.at[i] = i < count ? src[i] : BFloat16{0};
    store(shared, values);
  }
}

}  // namespace bragg::cuda
