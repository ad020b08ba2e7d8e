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
  /// What is read beside a result.
  struct Beside {};
  __device__ Beside beside(std::uint32_t /*item*/, std::int64_t /*at*/) const { return {}; }
  /// What becomes of a result.
  __device__ float visit(float result, const Beside&, std::int32_t /*channel*/, ColumnSums& sums) const {
    sums.sum += result;
    sums.product += result * result;
    return result;
  }
  static constexpr bool changes = false;
};

/// Gradients of a normalisation's dst: what other readers of it have is added, a ReLU of it passes them or not, and what is left is
/// added up, as are its products with the normalisation's src.
struct SumGradients {
  const float *norm_src, *addend, *relu_src;  ///< the last two or nullptr
  std::int64_t norm_src_item_stride, addend_item_stride, relu_src_item_stride;
  const float *factor, *offset;  ///< (channels), or nullptr: the ReLU's src is factor norm_src + offset
  float scale;                   ///< of what passes

  struct Beside {
    float x = 0, added = 0, through = 1;
  };
  __device__ Beside beside(std::uint32_t item, std::int64_t at) const {
    Beside of;
    of.x = norm_src[item * norm_src_item_stride + at];
    if (addend != nullptr) of.added = addend[item * addend_item_stride + at];
    if (relu_src != nullptr) of.through = relu_src[item * relu_src_item_stride + at];
    return of;
  }
  __device__ float visit(float result, const Beside& of, std::int32_t channel, ColumnSums& sums) const {
    float y = addend != nullptr ? result + of.added : result;
    if (relu_src != nullptr) y *= of.through > 0 ? scale : 0.0f;
    if (factor != nullptr) y *= fmaf(of.x, factor[channel], offset[channel]) > 0 ? 1.0f : 0.0f;
    sums.sum += y;
    sums.product += of.x * y;
    return y;
  }
  static constexpr bool changes = true;
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
    const auto in_channels =
        static_cast<std::int32_t>(summed_channels.quotient(static_cast<std::uint32_t>(n)));
    const std::int32_t channel = n - in_channels * static_cast<std::int32_t>(summed_channels.divisor);
    __syncthreads();  // all of the tile is stored
    ColumnSums mine;
    constexpr int rows_at_once = 4;  // on their way before the first is added
    if (n < N && first < at_once)
#pragma unroll 1
      for (std::int32_t m = m0 + first; m < min(m0 + tile_m, M); m += rows_at_once * at_once) {
        float* result[rows_at_once];
        float number[rows_at_once];
        typename Visit::Beside of[rows_at_once];
#pragma unroll
        for (int i = 0; i < rows_at_once; ++i) {
          const std::int32_t row = m + i * at_once;
          result[i] = nullptr;
          if (row >= min(m0 + tile_m, M)) continue;
          const auto place = this->dst.place(static_cast<std::uint32_t>(row));
          if (n >= place.length) continue;
          result[i] = this->dst.data + place.item * this->dst.item_stride + place.offset + n;
          number[i] = *result[i];
          of[i] = visit.beside(place.item, place.offset + n);
        }
#pragma unroll
        for (int i = 0; i < rows_at_once; ++i) {
          if (result[i] == nullptr) continue;
          const float left = visit.visit(number[i], of[i], channel, mine);
          if constexpr (Visit::changes) *result[i] = left;
        }
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
