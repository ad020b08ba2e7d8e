// The moments of batch normalisation, and its gradients, from sums that the blocks of the product before it left
// (gemm/channel_sums.h): joined in double, in a fixed order, by one kernel.
#pragma once

#include "kernels/cuda/batch_norm_sums.cuh"
#include "kernels/cuda/device/last_block.cuh"
#include "kernels/cuda/gemm/channel_sums.h"

namespace bragg::cuda::batch_norm {

inline constexpr int channels_of_block = 4, lanes_of_channel = threads / channels_of_block;

/// How the sets of sums of C channels are cut: of four neighbouring ones the blocks with the same y have a part of the sets each, and
/// the one of them that ends last joins the parts.
struct SetsCut {
  std::int32_t sets, C, parts;
  static constexpr std::int32_t sets_of_part = 2 * lanes_of_channel;

  explicit SetsCut(const ChannelSums& sums)
      : sets(static_cast<std::int32_t>(sums.sets)),
        C(static_cast<std::int32_t>(sums.channels)),
        parts(static_cast<std::int32_t>(most_parts(sums.sets))) {}
  static std::int64_t most_parts(std::int64_t sets) { return (sets + sets_of_part - 1) / sets_of_part; }
  dim3 grid() const {
    return dim3(static_cast<unsigned>(parts),
                static_cast<unsigned>((C + channels_of_block - 1) / channels_of_block));
  }
};

struct TwoSums {
  double first, second;

  __device__ TwoSums& operator+=(const TwoSums& other) {
    first += other.first;
    second += other.second;
    return *this;
  }
};

/// Calls finish(channel, sums). `partials`: (parts, C). `tickets`: 0, and so again afterwards, one for each y of the grid.
template <typename Finish>
__global__ void __launch_bounds__(threads)
    join_sums(const SetsCut cut, const float* __restrict__ pairs, TwoSums* partials, unsigned* tickets,
              const Finish finish) {
  wait_for_previous_kernel();
  __shared__ TwoSums sums[threads];
  const auto thread = static_cast<std::int32_t>(threadIdx.x), lane = thread / channels_of_block,
             c = static_cast<std::int32_t>(blockIdx.y) * channels_of_block + thread % channels_of_block,
             part = static_cast<std::int32_t>(blockIdx.x), first = part * SetsCut::sets_of_part,
             last = min(first + SetsCut::sets_of_part, cut.sets);
  TwoSums mine{};
  if (c < cut.C)
    for (std::int32_t set = first + lane; set < last; set += lanes_of_channel) {
      const Pack<float, 2> pair = load<2>(pairs + 2 * (std::int64_t{set} * cut.C + c));
      mine += {static_cast<double>(pair.at[0]), static_cast<double>(pair.at[1])};
    }
  sums[thread] = mine;
  for (int half = lanes_of_channel / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) sums[thread] += sums[thread + half * channels_of_block];
  }
  const bool has_channel = lane == 0 && c < cut.C;
  if (has_channel) partials[std::int64_t{part} * cut.C + c] = sums[thread];
  unsigned* const ticket = tickets + blockIdx.y;
  if (!is_last_block(ticket)) return;
  if (has_channel) {
    TwoSums all{};
    for (std::int32_t i = 0; i < cut.parts; ++i) {
      const volatile TwoSums& of_part = partials[std::int64_t{i} * cut.C + c];  // perhaps another block's
      all += {of_part.first, of_part.second};
    }
    finish(c, all);
  }
  if (thread == 0) *ticket = 0;
}

/// Of `rows` numbers of a channel and of their squares.
struct LeaveMoments {
  double rows, epsilon, momentum;
  Moments results;

  __device__ void operator()(std::int32_t c, const TwoSums& sums) const {
    const double mean = sums.first / rows, deviations = sums.second - mean * sums.first;
    // Of numbers that are all alike roundings alone are left; a NaN stays one.
    leave_moments(results, c, rows, mean, deviations < 0 ? 0 : deviations, epsilon, momentum);
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
