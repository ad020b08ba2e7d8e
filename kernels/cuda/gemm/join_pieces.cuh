// The second kernel of products whose tiles come from several blocks: what these left of a tile is added up in the order of
// k and stored. A block takes a slice of a tile, so that all multiprocessors share the reading.
#pragma once

#include "kernels/cuda/gemm/gemm_wgmma.cuh"

namespace bragg::cuda {
namespace wgmma_gemm {

/// Columns of a slice, which has 64 rows of either warpgroup: few, but whole blocks of a random call.
template <typename Tile, typename Store>
constexpr int slice_columns() {
  if constexpr (requires { requires Store::columns_unit == 80; }) {
    return 80;
  } else {
    return Tile::n % 32 == 0 ? 32 : Tile::n;
  }
}
template <typename Tile, typename Store>
constexpr int slices() {
  return Tile::m_blocks * (Tile::n / slice_columns<Tile, Store>());
}

/// Adds what a slot has of a slice.
template <typename Tile, int n>
__device__ void add_slot(const float* slot, int block, int column, int thread, float (&d)[1][n / 2]) {
#pragma unroll
  for (int q = 0; q < n / 8; ++q) {
    const Pack<float, 4> four = load<4>(slot + place_in_slot<Tile>(block, column / 8 + q, thread));
#pragma unroll
    for (int i = 0; i < 4; ++i)
      d[0][4 * q + i] += four.at[i];
  }
}

}  // namespace wgmma_gemm

/// Behind gemm_wgmma with the same arguments, where p.k.even. Grid: (as many as its blocks, slices()), of which a block's are those
/// of the tile whose first step, but not whose last, it has.
template <typename Tile, typename Store>
__global__ void __launch_bounds__(128 * Tile::consumers)
    join_pieces(const __grid_constant__ WgmmaArguments p, const Store store) {
  wait_for_previous_kernel();
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  using namespace wgmma_gemm;
  constexpr int n = slice_columns<Tile, Store>(), slices_of_row = Tile::n / n;
  const InCluster cluster(p);
  const std::int32_t range = cluster.range;
  const int thread = static_cast<int>(threadIdx.x), block = static_cast<int>(blockIdx.y) / slices_of_row,
            column = static_cast<int>(blockIdx.y) % slices_of_row * n;
  const std::int32_t end = p.k.begin(range + 1), tile = end / p.k.steps, first_step = tile * p.k.steps;
  if (end == first_step || p.k.begin(range) > first_step) return;
  const Place at = place_of(p, tile, cluster.rank);
  if (!at.template is_tile<Tile>(p)) return;
  const bool b_sums = p.b_sums != nullptr && at.m == 0 && blockIdx.y == 0 && thread < Tile::n;
  float d[1][n / 2] = {};
  float b_sum = 0;
  const auto add = [&](const float* slot) {
    add_slot<Tile, n>(slot, block, column, thread, d);
    if (b_sums) b_sum += slot[Tile::m * Tile::n + thread];
  };
  const auto slot = [&](std::int32_t of, bool has_first_step) {
    return p.k.slot(of * cluster.blocks + cluster.rank, has_first_step);
  };
  add(slot(range, true));
#pragma unroll 4
  for (std::int32_t behind = range + 1; behind < p.k.ranges && p.k.begin(behind) < first_step + p.k.steps;
       ++behind)
    add(slot(behind, false));
  put<Tile, 1, n>(p, started(store), at.m, at.n * Tile::n + column, block, thread, d,
                  shared_memory<unsigned char>());
  if (b_sums && at.n * Tile::n + thread < p.N) p.b_sums[at.n * Tile::n + thread] = b_sum;
#endif
}

}  // namespace bragg::cuda
