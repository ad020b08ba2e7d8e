// The moments of batch normalisation from sums that the product before it left of its columns (gemm/column_sums.h): joined in
// double, in a fixed order.
#pragma once

#include "kernels/cuda/batch_norm_sums.cuh"
#include "kernels/cuda/gemm/column_sums.h"

namespace bragg::cuda::batch_norm {

/// How the sets of sums are cut for their own sums: as rows of numbers are.
inline Cut cut_of(const ColumnSums& sums) {
  return Cut(BatchNormProblem{.N = sums.sets, .L = 1, .C = sums.columns}, 1);
}

/// Sums of both numbers of every column over a chunk's sets.
static __global__ void __launch_bounds__(threads)
    sums_of_chunks(const Cut cut, const float* __restrict__ pairs, const Partials partials) {
  wait_for_previous_kernel();
  __shared__ double sums[threads], squares[threads];
  const Place place(cut);
  const auto chunk = static_cast<std::int32_t>(blockIdx.x);
  if (place.has_channels) {
    double sum = 0, square = 0;
#pragma unroll 4
    for (std::int32_t set = cut.first_row(chunk) + place.row; set < cut.last_row(chunk);
         set += cut.rows_at_once) {
      const Pack<float, 2> pair = load<2>(pairs + 2 * (std::int64_t{set} * cut.C + place.pack));
      sum += static_cast<double>(pair.at[0]);
      square += static_cast<double>(pair.at[1]);
    }
    sums[threadIdx.x] = sum;
    squares[threadIdx.x] = square;
  }
  __syncthreads();
  for_channels_of_tile<1>(cut, [&](std::int32_t in_tile, std::int32_t /*v*/, std::int32_t column) {
    double sum = 0, square = 0;
    for (std::int32_t row = 0; row < cut.rows_at_once; ++row) {
      sum += sums[row * cut.tile + in_tile];
      square += squares[row * cut.tile + in_tile];
    }
    partials.at(0, column, chunk) = sum;
    partials.at(1, column, chunk) = square;
  });
}

struct TwoSums {
  double first, second;
};
/// Of channel c, of C, by a warp: of columns c, c + C ... that are its several outputs.
__device__ inline TwoSums sums_of_channel(const Cut& cut, const Partials& partials, std::int32_t C,
                                          std::int32_t c) {
  TwoSums sums{};
  for (std::int32_t column = c; column < cut.C; column += C)
    for (auto chunk = static_cast<std::int32_t>(threadIdx.x % 32); chunk < cut.chunks; chunk += 32) {
      sums.first += partials.at(0, column, chunk);
      sums.second += partials.at(1, column, chunk);
    }
  return {warp_sum(sums.first), warp_sum(sums.second)};
}

/// A warp per channel. `rows` numbers of a channel.
static __global__ void __launch_bounds__(threads)
    join_sums(const Cut cut, const Partials partials, std::int32_t C, double rows, double epsilon,
              double momentum, const Moments results) {
  wait_for_previous_kernel();
  const std::int32_t c = channel_of_warp();
  if (c >= C) return;
  const TwoSums sums = sums_of_channel(cut, partials, C, c);
  if (threadIdx.x % 32 != 0) return;
  const double mean = sums.first / rows, deviations = sums.second - mean * sums.first;
  // Of numbers that are all alike roundings alone are left; a NaN stays one.
  leave_moments(results, c, rows, mean, deviations < 0 ? 0 : deviations, epsilon, momentum);
}

/// The same of the gradient's sums: of diff, and of diff src.
static __global__ void __launch_bounds__(threads)
    join_gradient_sums(const Cut cut, const Partials partials, std::int32_t C, const float* __restrict__ mean,
                       const float* __restrict__ inverse_deviation, float* __restrict__ diff_scale,
                       float* __restrict__ diff_shift) {
  wait_for_previous_kernel();
  const std::int32_t c = channel_of_warp();
  if (c >= C) return;
  const TwoSums sums = sums_of_channel(cut, partials, C, c);
  if (threadIdx.x % 32 != 0) return;
  diff_shift[c] = static_cast<float>(sums.first);
  const double product = sums.second - static_cast<double>(mean[c]) * sums.first;
  diff_scale[c] = static_cast<float>(product * static_cast<double>(inverse_deviation[c]));
}

}  // namespace bragg::cuda::batch_norm
