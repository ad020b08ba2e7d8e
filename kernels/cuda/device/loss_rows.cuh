// What the kernels of losses make of their rows' results.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "kernels/cuda/device/last_block.cuh"
#include "kernels/ops/loss_totals.h"

namespace bragg::cuda {

/// Of a pattern.
struct RowResult {
  double loss;
  std::uint64_t correct;

  __device__ RowResult& operator+=(const RowResult& other) {
    loss += other.loss;
    correct += other.correct;
    return *this;
  }
};

/// totals += the results of N rows, which all blocks have written. All threads of all blocks have to call.
template <int threads>
__device__ void add_rows(std::int64_t N, const RowResult* results, unsigned* ticket, LossTotals* totals) {
  if (!is_last_block(ticket)) return;
  const RowResult sum = sum_in_order<threads, RowResult>(N, [&](std::int64_t i) {
    const volatile RowResult& row = results[i];  // written by other blocks: not from a stale cache line
    return RowResult{row.loss, row.correct};
  });
  if (threadIdx.x != 0) return;
  totals->loss_sum += sum.loss;
  totals->correct += sum.correct;
  totals->count += static_cast<std::uint64_t>(N);
  *ticket = 0;
}

}  // namespace bragg::cuda
