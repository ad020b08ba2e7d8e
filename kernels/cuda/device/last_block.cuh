// Sums over all blocks of a launch in a fixed order: every block leaves its part in memory, and the one that
// finishes last adds up all of them.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// Whether this block is the last of the grid to come here; what the others wrote before can be read then, by
/// volatile loads. All threads of all blocks have to call. `ticket` is 0 before; the last block has to make it so
/// again.
__device__ inline bool is_last_block(unsigned* ticket) {
  __shared__ bool last;
  __threadfence();  // what this block wrote is there before the ticket says so
  __syncthreads();
  if (threadIdx.x == 0) last = atomicAdd(ticket, 1u) == gridDim.x - 1;
  __syncthreads();
  if (last) __threadfence();
  return last;
}

/// The sum of value(i) over 0 <= i < count by all threads of a block, in an order that `count` alone decides;
/// thread 0 has it. T{} is zero.
template <int threads, typename T, typename Value>
__device__ T sum_in_order(std::int64_t count, const Value& value) {
  __shared__ T sums[threads];
  T mine{};
  for (std::int64_t i = threadIdx.x; i < count; i += threads)
    mine += value(i);
  sums[threadIdx.x] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 1; i < threads; ++i)
      mine += sums[i];
  }
  __syncthreads();
  return mine;
}

}  // namespace bragg::cuda
