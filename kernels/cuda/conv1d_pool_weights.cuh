// The weights of conv1d_pool.cu as the matrix that src is multiplied by.
#pragma once

#include <cuda_runtime.h>

#include "kernels/backend.h"
#include "kernels/base/bfloat16.h"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/ops/conv1d.h"

namespace bragg::cuda {

constexpr int pool_kernel = 3, pool_stride = 2;
/// Outputs from one row of the product to the next, and those that it holds.
constexpr int row_step = 8, row_outputs = row_step + pool_kernel - pool_stride,
              row_windows = row_step / pool_stride;
/// Channels that lie together in the accumulator, and those of a block of columns; columns of one product.
constexpr int group = 8, block_groups = 4, channels = group * block_groups;
constexpr int block_columns = 2 * group * row_outputs, products = block_groups / 2;
static_assert(row_outputs == 9 && block_columns == 144);

/// Row by row the columns of the product; rows row_stride apart.
struct SteppedWeights {
  std::int32_t rows, row_length, row_stride;

  SteppedWeights(const Backend& backend, const Conv1dProblem& p)
      : rows(static_cast<std::int32_t>((p.C_out + channels - 1) / channels) * products * block_columns),
        row_length(static_cast<std::int32_t>((row_step * p.stride + p.kernel) * p.C_in)),
        row_stride(static_cast<std::int32_t>(backend.aligned(row_length))) {}
  std::size_t bytes() const { return std::size_t{sizeof(BFloat16)} * rows * row_stride; }
};

constexpr int weights_threads = 256;

/// Grid: rows.
__global__ void __launch_bounds__(weights_threads)
    step_weights(const BFloat16* __restrict__ weights, std::int64_t weight_row_stride,
                 std::int32_t kernel_length, std::int32_t step, std::int32_t C_out,
                 const SteppedWeights stepped, BFloat16* __restrict__ dst) {
  wait_for_previous_kernel();
  const auto row = static_cast<std::int32_t>(blockIdx.x);
  const std::int32_t in_group = row % (group * row_outputs), output = in_group / group,
                     c = row / (group * row_outputs) * group + in_group % group;
  for (auto k = static_cast<std::int32_t>(threadIdx.x); k < stepped.row_length; k += weights_threads) {
    const std::int32_t tap = k - output * step;
    const bool inside = c < C_out && tap >= 0 && tap < kernel_length;
    dst[std::int64_t{row} * stepped.row_stride + k] =
        inside ? weights[c * weight_row_stride + tap] : BFloat16{0};
  }
}

}  // namespace bragg::cuda
