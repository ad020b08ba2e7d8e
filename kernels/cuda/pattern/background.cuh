// Background removal of pattern_processing.h by a block.
#pragma once

#include "kernels/cuda/device/block.cuh"
#include "kernels/cuda/pattern/arguments.h"

namespace bragg::cuda {

/// dst[j] = the combination of src[j - half] .. src[j + half], as far as they exist.
template <typename Combine>
__device__ void slide(const float* src, float* dst, int count, int half, const Combine& combine) {
  for (int j = static_cast<int>(threadIdx.x); j < count; j += pattern_threads) {
    const int first = j < half ? 0 : j - half, last = count - 1 - j < half ? count - 1 : j + half;
    float value = src[first];
    for (int k = first + 1; k <= last; ++k)
      value = combine(value, src[k]);
    dst[j] = value;
  }
  __syncthreads();
}

/// y (points) -> the means of what makes up each number that is read, at its beginning. Begins and ends with
/// a barrier.
__device__ inline void average_points(const PatternArguments& a, float* y) {
  __syncthreads();
  for (int first = 0; first < a.read_points; first += pattern_threads) {
    const int j = first + static_cast<int>(threadIdx.x);
    float sum = 0;
    if (j < a.read_points) {
      for (int k = 0; k < a.points_per_mean; ++k)
        sum += y[j * a.points_per_mean + k];
    }
    // What the block has read so far ends behind what it writes; the next round reads farther on.
    __syncthreads();
    if (j < a.read_points) y[j] = sum / static_cast<float>(a.points_per_mean);
  }
  __syncthreads();
}

/// y (read_points) -> the background in `opened` (bins), by way of `bins` (bins). Begins and ends with a
/// barrier.
__device__ inline void find_background(const PatternArguments& a, const float* y, float* bins,
                                       float* opened) {
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int j = static_cast<int>(threadIdx.x / 32); j < a.bins; j += pattern_warps) {
    const int begin = j * a.points_per_bin, left = a.read_points - begin,
              count = left < a.points_per_bin ? left : a.points_per_bin;
    float sum = 0;
    for (int i = lane; i < count; i += 32)
      sum += y[begin + i];
    for (int distance = 16; distance > 0; distance /= 2)
      sum += __shfl_xor_sync(all_lanes, sum, distance);
    if (lane == 0) bins[j] = sum / static_cast<float>(count);
  }
  __syncthreads();
  const int half = a.half_window;
  slide(bins, opened, a.bins, half, [](float x, float z) { return fminf(x, z); });
  slide(opened, bins, a.bins, half, [](float x, float z) { return fmaxf(x, z); });
  slide(bins, opened, a.bins, half, [](float x, float z) { return x + z; });
  // The mean of as many as there were.
  for (int j = static_cast<int>(threadIdx.x); j < a.bins; j += pattern_threads) {
    const int before = j < half ? j : half, behind = a.bins - 1 - j < half ? a.bins - 1 - j : half;
    opened[j] /= static_cast<float>(before + behind + 1);
  }
  __syncthreads();
}

/// At point i, between the centres of the bins.
__device__ inline float background_at(const PatternArguments& a, const float* opened, int i) {
  const auto width = static_cast<float>(a.points_per_bin);
  const float at = (static_cast<float>(i) - (width - 1) / 2) / width,
              clamped = fminf(fmaxf(at, 0.0f), static_cast<float>(a.bins - 1));
  const int whole = static_cast<int>(clamped), before_last = a.bins < 2 ? 0 : a.bins - 2,
            low = whole < before_last ? whole : before_last, high = low + 1 < a.bins ? low + 1 : low;
  const float share = clamped - static_cast<float>(low);
  return opened[low] + share * (opened[high] - opened[low]);
}

}  // namespace bragg::cuda
