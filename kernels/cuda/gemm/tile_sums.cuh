// What a block does behind a tile in fp32 whose results a normalisation is of: it reads them again while they are near, adds them up
// and, backward, passes them through what lies between the convolution and the normalisation.
#pragma once

#include "kernels/cuda/gemm/channel_sums.h"
#include "kernels/cuda/gemm/gemm_arguments.h"
#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

/// Two sums of a column over a tile's rows.
struct ColumnSums {
  float sum = 0, product = 0;
};

/// Sums of results and of their squares.
struct SumSquares {
  __device__ void operator()(std::uint32_t /*item*/, std::int64_t /*offset*/, std::int32_t /*channel*/,
                             const float* result, ColumnSums& sums) const {
    sums.sum += *result;
    sums.product += *result * *result;
  }
};

/// Gradients of a normalisation's dst: what other readers of it have is added, a ReLU of it passes them or not, and what is left is
/// added up, as are its products with the normalisation's src.
struct SumGradients {
  const float *norm_src, *addend, *relu_src;  ///< the last two or nullptr
  std::int64_t norm_src_item_stride, addend_item_stride, relu_src_item_stride;
  const float *factor, *offset;  ///< (channels), or nullptr: the ReLU's src is factor norm_src + offset
  float scale;                   ///< of what passes

  __device__ void operator()(std::uint32_t item, std::int64_t at, std::int32_t channel, float* result,
                             ColumnSums& sums) const {
    const float x = norm_src[item * norm_src_item_stride + at];
    float y = *result;
    if (addend != nullptr) y += addend[item * addend_item_stride + at];
    if (relu_src != nullptr) y *= relu_src[item * relu_src_item_stride + at] > 0 ? scale : 0.0f;
    if (factor != nullptr) y *= fmaf(x, factor[channel], offset[channel]) > 0 ? 1.0f : 0.0f;
    *result = y;
    sums.sum += y;
    sums.product += x * y;
  }
};

/// Stores as Base, and leaves ChannelSums: of a tile's columns a pair for each, in the set of the tile's row and of the column's
/// place among those of its channel.
template <typename Base, typename Visit>
struct TileSumsStore : Base {
  static constexpr bool few_tiles = true;
  Visit visit;
  float* pairs;
  Division summed_channels;

  TileSumsStore(const Base& base, const Visit& visit_, float* pairs_, std::int64_t channels_)
      : Base(base), visit(visit_), pairs(pairs_), summed_channels(channels_) {}

  static std::int64_t sets(std::int64_t M, std::int64_t N, std::int64_t channels, int tile_m) {
    return (M + tile_m - 1) / tile_m * (N / channels);
  }

  /// By all threads of the block. `memory`: two numbers for each.
  template <int tile_m, int tile_n, int threads>
  __device__ void end_tile(std::int32_t m0, std::int32_t n0, std::int32_t M, std::int32_t N,
                           float* memory) const {
    constexpr int at_once = threads / tile_n;
    const int column = static_cast<int>(threadIdx.x) % tile_n, first = static_cast<int>(threadIdx.x) / tile_n;
    const std::int32_t n = n0 + column;
    const auto in_channels = static_cast<std::int32_t>(summed_channels.quotient(static_cast<std::uint32_t>(n)));
    const std::int32_t channel = n - in_channels * static_cast<std::int32_t>(summed_channels.divisor);
    __syncthreads();  // all of the tile is stored
    ColumnSums mine;
    if (n < N && first < at_once)
      for (std::int32_t m = m0 + first; m < min(m0 + tile_m, M); m += at_once) {
        const auto place = this->dst.place(static_cast<std::uint32_t>(m));
        if (n < place.length)
          visit(place.item, place.offset + n, channel,
                this->dst.data + place.item * this->dst.item_stride + place.offset + n, mine);
      }
    memory[threadIdx.x] = mine.sum;
    memory[threads + threadIdx.x] = mine.product;
    __syncthreads();
    if (n >= N || first > 0) return;
    for (int other = 1; other < at_once; ++other) {
      mine.sum += memory[other * tile_n + column];
      mine.product += memory[threads + other * tile_n + column];
    }
    const std::int64_t set =
        std::int64_t{blockIdx.x} * (N / static_cast<std::int32_t>(summed_channels.divisor)) + in_channels;
    store(pairs + 2 * (set * summed_channels.divisor + channel), Pack<float, 2>{{mine.sum, mine.product}});
  }
};

/// Of a store that does something behind a tile.
template <int tile_m, int tile_n, typename Store>
__device__ void end_tile([[maybe_unused]] const Store& store, [[maybe_unused]] std::int32_t m0,
                         [[maybe_unused]] std::int32_t n0, [[maybe_unused]] const GemmArguments<float>& p,
                         [[maybe_unused]] float* memory) {
  if constexpr (requires { store.template end_tile<tile_m, tile_n, 256>(m0, n0, 0, 0, memory); })
    store.template end_tile<tile_m, tile_n, 256>(m0, n0, p.M, p.N, memory);
}

}  // namespace bragg::cuda
