// Which steps of k of which tiles a block computes. Either whole tiles are dealt out, or the steps of all
// tiles in a row are cut into equal ranges, one to a block (Osama et al., "Stream-K", PPoPP 2023): then no
// multiprocessor waits for the last wave, and a tile's sum comes from the blocks whose ranges meet it. They
// hand theirs to the one that has the tile's first step, which adds them up in the order of k: the same bits
// every time.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "kernels/cuda/device/ptx.cuh"
#include "kernels/cuda/device/spin.cuh"

namespace bragg::cuda {

struct KRanges {
  std::int32_t tiles, steps;  ///< steps of a tile
  std::int32_t ranges;        ///< blocks
  bool even;
  float* sums;      ///< ranges x slot_length: of a range's first tile, where another range has its first step
  unsigned* flags;  ///< ranges, zero before and after: how many warps have written or read
  std::int32_t slot_length;

  /// Where range r begins in the row of all steps.
  __device__ std::int64_t begin(std::int64_t r) const { return std::int64_t{tiles} * steps * r / ranges; }
};

/// Steps [first, last) of a tile, one such piece after the other.
class Work {
 public:
  __device__ Work(const KRanges& k, std::int32_t range)
      : k_(k), at_(k.even ? k.begin(range) : range), end_(k.even ? k.begin(range + 1) : k.tiles) {}

  __device__ bool next() {
    if (at_ >= end_) return false;
    if (k_.even) {
      tile = static_cast<std::int32_t>(at_ / k_.steps);
      first = static_cast<std::int32_t>(at_ - std::int64_t{tile} * k_.steps);
      const std::int64_t left = end_ - at_;
      last = left < k_.steps - first ? first + static_cast<std::int32_t>(left) : k_.steps;
      at_ += last - first;
    } else {
      tile = static_cast<std::int32_t>(at_);
      first = 0;
      last = k_.steps;
      at_ += k_.ranges;
    }
    return true;
  }

  std::int32_t tile = 0, first = 0, last = 0;

 private:
  const KRanges& k_;
  std::int64_t at_, end_;
};

/// The ranges behind block b's: a block may wait for those that were started before it alone.
__device__ inline std::int32_t range_of_block() {
  return static_cast<std::int32_t>(gridDim.x - 1 - blockIdx.x);
}

namespace k_ranges {
/// A warp has written its part of a slot.
__device__ inline void publish(unsigned* flag, bool speaks) {
  __syncwarp();
  if (!speaks) return;
  __threadfence();
  atomicAdd(flag, 1);
}
/// Waits for all `warps` of them.
__device__ inline void wait(unsigned* flag, unsigned warps, bool speaks) {
  if (speaks)
    for (Spin spin; load_acquire(flag) < warps; spin.turn()) {
    }
  __syncwarp();
}
/// Once all have waited the flag is zero again.
__device__ inline void done_waiting(unsigned* flag, unsigned warps, bool speaks) {
  if (speaks && atomicAdd(flag, 1) == 2 * warps - 1) *flag = 0;
}
}  // namespace k_ranges

}  // namespace bragg::cuda
