// Whose element it is, in compressed rows.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// The row with offset[row] <= element < offset[row + 1], of `rows` rows. Threads that ask for the same
/// element read the same words.
__device__ inline std::int64_t find_row(const std::uint64_t* __restrict__ offset, std::int64_t rows,
                                        std::uint64_t element) {
  std::int64_t low = 0, high = rows;  // offset[low] <= element < offset[high]
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    if (offset[middle] <= element) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace bragg::cuda
