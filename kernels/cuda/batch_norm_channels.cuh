// The moments of batch normalisation, and its gradients, from sums that the blocks of the product before it left
// (gemm/channel_sums.h): joined in double, in a fixed order, by one kernel.
#pragma once

#include "kernels/cuda/batch_norm_sums.cuh"
#include "kernels/cuda/gemm/channel_sums.h"

namespace bragg::cuda::batch_norm {

inline constexpr int channels_of_block = 4, lanes_of_channel = threads / channels_of_block;

struct TwoSums {
  double first, second;

  __device__ TwoSums& operator+=(const TwoSums& other) {
    first += other.first;
    second += other.second;
    return *this;
  }
};

/// A block for each four neighbouring channels of C. Calls finish(channel, sums). `pairs`: (sets, C, 2).
template <typename Finish>
__global__ void __launch_bounds__(threads) join_sums(const std::int32_t sets, const std::int32_t C,
                                                     const float* __restrict__ pairs, const Finish finish) {
  wait_for_previous_kernel();
  __shared__ TwoSums sums[threads];
  const auto thread = static_cast<std::int32_t>(threadIdx.x), lane = thread / channels_of_block,
             c = static_cast<std::int32_t>(blockIdx.x) * channels_of_block + thread % channels_of_block;
  TwoSums mine{};
  if (c < C)
    for (std::int32_t set = lane; set < sets; set += lanes_of_channel) {
      const Pack<float, 2> pair = load<2>(pairs + 2 * (std::int64_t{set} * C + c));
      mine += {static_cast<double>(pair.at[0]), static_cast<double>(pair.at[1])};
    }
  sums[thread] = mine;
  for (int half = lanes_of_channel / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) sums[thread] += sums[thread + half * channels_of_block];
  }
  if (lane == 0 && c < C) finish(c, sums[thread]);
}

/// By which others normalise as they read (NormalisedSource); `factor` or nullptr.
struct ChannelLines {
  const float *scale, *shift;
  float *factor, *offset;
};

/// Of `rows` numbers of a channel and of their squares.
struct LeaveMoments {
  double rows, epsilon, momentum;
  Moments results;
  ChannelLines lines;

  __device__ void operator()(std::int32_t c, const TwoSums& sums) const {
    const double mean = sums.first / rows, deviations = sums.second - mean * sums.first;
    // Of numbers that are all alike roundings alone are left; a NaN stays one.
    leave_moments(results, c, rows, mean, deviations < 0 ? 0 : deviations, epsilon, momentum);
    if (lines.factor == nullptr) return;
    const float factor = results.inverse_deviation[c] * lines.scale[c];
    lines.factor[c] = factor;
    lines.offset[c] = fmaf(-results.mean[c], factor, lines.shift[c]);
  }
};

/// Of diff, and of diff src.
struct LeaveGradients {
  const float *mean, *inverse_deviation;
  float *diff_scale, *diff_shift;

  __device__ void operator()(std::int32_t c, const TwoSums& sums) const {
    diff_shift[c] = static_cast<float>(sums.first);
    const double product = sums.second - static_cast<double>(mean[c]) * sums.first;
    diff_scale[c] = static_cast<float>(product * static_cast<double>(inverse_deviation[c]));
  }
};

}  // namespace bragg::cuda::batch_norm
