// The bfloat16 operands of a block's tile on their way from global to shared memory, in chunks of 16 bytes
// that the hardware copies while the block computes (cp.async). Everything beyond the matrix becomes zeros.
// Where the rows of a view are not aligned to 16 bytes, chunks are put together from single elements.
//
// In shared memory a row is a row of the view, its pitch an odd number of chunks: the 8 rows that one matrix
// of ldmatrix reads lie in 8 different groups of banks.
#pragma once

#include "kernels/cuda/device/copy_chunk.cuh"
#include "kernels/cuda/gemm/gemm_arguments.h"

namespace bragg::cuda {

/// `size` rows (columns) of the operand by `k_step` of k.
template <Contiguous order, int size, int k_step>
struct SharedTile {
  static constexpr int rows = order == Contiguous::k ? size : k_step;
  static constexpr int chunks = (order == Contiguous::k ? k_step : size) / 8;  ///< of a row
  static constexpr int pitch = 8 * (chunks + (chunks + 1) % 2);                ///< elements
  static constexpr int elements = rows * pitch;
  static_assert(size % 8 == 0 && k_step % 8 == 0);
};

template <Contiguous order, int size, int k_step, int threads, bool aligned>
class AsyncFetch {
  using Tile = SharedTile<order, size, k_step>;

 public:
  /// Rows (columns) [first, first + size) of the operand, none from `end` on.
  __device__ AsyncFetch(const ConstMatrixView<BFloat16>& view, std::int32_t first, std::int32_t end)
      : view_(view), first_(first), end_(end) {
    if constexpr (order == Contiguous::k) {
#pragma unroll
      for (int i = 0; i < per_thread; ++i) {
        const std::int32_t r = first + at(i) / Tile::chunks;
        row_[i] = r < end ? view.row(static_cast<std::uint32_t>(r)) : nullptr;
      }
    }
  }

  /// Starts the copies of k in [k0, min(k0 + k_step, k_end)) to `tile`.
  __device__ void start(std::int32_t k0, std::int32_t k_end, BFloat16* tile) const {
#pragma unroll
    for (int i = 0; i < per_thread; ++i) {
      const int row = at(i) / Tile::chunks, chunk = at(i) % Tile::chunks;
      if (Tile::rows * Tile::chunks % threads != 0 && row >= Tile::rows) break;
      const BFloat16* src = nullptr;
      std::int32_t count = 0;
      if constexpr (order == Contiguous::k) {
        const std::int32_t k = k0 + 8 * chunk;
        if (row_[i]) {
          src = row_[i] + k;
          count = k_end - k;
        }
      } else {
        const std::int32_t k = k0 + row, column = first_ + 8 * chunk;
        if (k < k_end) {
          src = view_.row(static_cast<std::uint32_t>(k)) + column;
          count = min(end_, view_.length(static_cast<std::uint32_t>(k))) - column;
        }
      }
      copy_chunk<aligned>(tile + row * Tile::pitch + 8 * chunk, src, min(max(count, 0), 8), view_.data);
    }
  }

 private:
  static constexpr int per_thread = (Tile::rows * Tile::chunks + threads - 1) / threads;
  __device__ static int at(int i) {
    return static_cast<int>(threadIdx.x) + threads * i;
  }

  const ConstMatrixView<BFloat16>& view_;
  std::int32_t first_, end_;
  const BFloat16* row_[order == Contiguous::k ? per_thread : 1];
};

}  // namespace bragg::cuda
