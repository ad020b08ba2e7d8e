// How the sums that wgmma leaves in registers become rows of C, and what a warp carries from tile to tile for a store that adds them
// up.
#pragma once

#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/gemm/gemm_config.h"
#include "kernels/cuda/gemm/k_ranges.cuh"
#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

/// C (M, N) = A (M, K) B (K, N). Rows of A by m are flat rows (flat_view.h): those between items are computed
/// and not stored. Where both operands go by rows of k, k counts flat rows, and B is zero between items.
struct WgmmaArguments {
  CUtensorMap a, b;
  std::int32_t M, N;
  Division pitch;  ///< of flat rows m
  std::int32_t rows_per_item;
  Pairs pairs;
  std::int32_t tiles_m, tiles_n;  ///< where there are pairs, of them
  KRanges k;
  float* b_sums = nullptr;  ///< (N): sums of B over k; B by rows of k alone
};

namespace wgmma_gemm {

/// Row m of C.
__device__ inline FlatRow flat_row(const WgmmaArguments& p, std::int32_t m) {
  const std::uint32_t item = p.pitch.quotient(static_cast<std::uint32_t>(m));
  const std::uint32_t in_item = static_cast<std::uint32_t>(m) - item * p.pitch.divisor;
  return {item, in_item, m < p.M && in_item < static_cast<std::uint32_t>(p.rows_per_item)};
}
/// A store that leaves sums of its channels (channel_sums.h), and takes no part of a tile.
template <typename Store>
constexpr bool leaves_sums() {
  return requires {
    requires Store::leaves_sums;
  };
}
/// What a warp carries from tile to tile for such a store; nothing for others.
struct NoSums {
  __device__ void begin_tile(std::int32_t /*n0*/) {}
  __device__ void end() {}
};
template <typename Tile, typename Store>
__device__ auto sums_of_warp([[maybe_unused]] const Store& store, [[maybe_unused]] unsigned char* memory,
                             [[maybe_unused]] int warp) {
  if constexpr (leaves_sums<Store>()) {
    return store.template sums_of_warp<Tile::n>(memory + warp * Tile::warp_stage);
  } else {
    return NoSums();
  }
}

/// Behind all of a block's tiles, by every thread: the warpgroup that brings operands, which has given back the registers that adding
/// up takes, waits alone, the others leave their sums.
template <typename Store>
__device__ void end_tiles() {
  if constexpr (leaves_sums<Store>()) __syncthreads();
}
template <typename Tile, typename Store>
__device__ void leave_sums([[maybe_unused]] const Store& store,
                           [[maybe_unused]] const unsigned char* memory) {
  end_tiles<Store>();
  if constexpr (leaves_sums<Store>())
    store.template leave<Tile::n>(memory, static_cast<std::int32_t>(threadIdx.x) - 128);
}

/// Stores blocks of 64 rows by n columns of C: those of a thread of the warpgroups that share the tile, from block `first` of the
/// tile's on, and from column n0 on. `memory`: what the warps have to store by.
template <typename Tile, int blocks, int n, typename Store, typename WarpSums = NoSums>
__device__ void put(const WgmmaArguments& p, const Store& store, std::int32_t tile_m, std::int32_t n0,
                    int first, int thread, const float (&d)[blocks][n / 2],
                    [[maybe_unused]] unsigned char* memory, [[maybe_unused]] const WarpSums& sums = {}) {
  const auto row_of = [&](int block, int half) {
    return flat_row(p, tile_m * Tile::m + (thread / 128 * Tile::m_blocks + first + block) * 64 +
                           thread % 128 / 32 * 16 + 8 * half + thread % 32 / 4);
  };
  if constexpr (requires { Store::stage_bytes; }) {
    typename Store::Row rows[blocks][2];
#pragma unroll
    for (int block = 0; block < blocks; ++block)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        rows[block][half] = store.row(row_of(block, half), n0);
    unsigned char* const of_warp = memory + thread / 32 * Tile::warp_stage;
    if constexpr (leaves_sums<Store>()) {
      store.template put_tile<blocks, n>(d, rows, n0, of_warp, sums);
    } else {
      store.template put_tile<blocks, n>(d, rows, n0, of_warp);
    }
  } else {
#pragma unroll
    for (int block = 0; block < blocks; ++block)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const FlatRow row = row_of(block, half);
        const std::uint32_t index = row.item * static_cast<std::uint32_t>(p.rows_per_item) + row.in_item;
        put_row<n / 8>(store, row.exists ? index : 0, 0, row.exists, n0, p.N,
                       [&](int j, int e) -> float { return d[block][4 * j + 2 * half + e]; });
      }
  }
}
}  // namespace wgmma_gemm

}  // namespace bragg::cuda
