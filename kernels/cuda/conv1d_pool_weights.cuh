// The weights of conv1d_pool.cu as the matrix that src is multiplied by.
#pragma once

#include "kernels/backend.h"
#include "kernels/base/bfloat16.h"
#include "kernels/cuda/joined_kernels.h"
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

/// Column (group of channels, output, channel of the group): the channel's weights behind so many steps of zeros as the output's
/// number.
inline WeightOrder order_of(const Backend& backend, const Conv1dProblem& p, const SteppedWeights& stepped,
                            const void* weights) {
  const auto row_length = static_cast<std::int32_t>(p.kernel * p.C_in);
  return {.weights = weights,
          .weight_row_stride = static_cast<std::int32_t>(backend.weight_row_stride(row_length)),
          .row_length = row_length,
          .C_out = static_cast<std::int32_t>(p.C_out),
          .rows = stepped.rows,
          .length = stepped.row_length,
          .dst_stride = stepped.row_stride,
          .group = group,
          .slots = row_outputs,
          .step = static_cast<std::int32_t>(-p.stride * p.C_in)};
}

}  // namespace bragg::cuda
