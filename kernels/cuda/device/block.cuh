// What all threads of a block do together. All of them have to call; every function begins and ends with a
// barrier, or says otherwise.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "kernels/cuda/device/warp.cuh"

#ifdef __CUDACC__
#include <cub/block/block_radix_sort.cuh>
#else
#include <algorithm>
#endif

namespace bragg::cuda {

template <typename T>
__device__ T larger(T a, T b) {
  return b > a ? b : a;
}

/// The largest of what the threads have, for every one of them.
template <int threads, typename T>
__device__ T block_max(T value) {
  constexpr int warps = threads / 32;
  static_assert(threads % 32 == 0);
  __shared__ T of_warp[warps];
  for (int distance = 16; distance > 0; distance /= 2)
    value = larger(value, __shfl_xor_sync(all_lanes, value, distance));
  __syncthreads();
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  value = of_warp[threadIdx.x % warps];
  for (int distance = warps / 2; distance > 0; distance /= 2)
    value = larger(value, __shfl_xor_sync(all_lanes, value, distance));
  return value;
}

/// Keys of a block in ascending order of some of their bits, equal ones in the order they had. Thread t has
/// the keys t * items and after it.
template <int threads, int items>
struct BlockSort {
#ifdef __CUDACC__
  using Cub = cub::BlockRadixSort<std::uint32_t, threads, items>;
  using Memory = typename Cub::TempStorage;
#else
  struct Memory {
    std::uint32_t keys[threads * items];
  };
#endif

  /// Bits begin .. end - 1. `memory` is in use until the barrier after it.
  __device__ static void sort(std::uint32_t (&keys)[items], int begin, int end, Memory& memory) {
#ifdef __CUDACC__
    Cub(memory).Sort(keys, begin, end);
#else
    std::uint32_t* const mine = memory.keys + threadIdx.x * items;
    std::copy_n(keys, items, mine);
    __syncthreads();
    if (threadIdx.x == 0) {
      std::stable_sort(memory.keys, memory.keys + threads * items, [&](std::uint32_t a, std::uint32_t b) {
        const std::uint32_t mask = (std::uint32_t{1} << (end - begin)) - 1;
        return (a >> begin & mask) < (b >> begin & mask);
      });
    }
    __syncthreads();
    std::copy_n(mine, items, keys);
#endif
  }
};

}  // namespace bragg::cuda
