// The bfloat16 main loop for sm_90a. A block is three warpgroups: the first has TMA bring tiles of A and B to
// a ring of stages in shared memory, the others multiply (wgmma), half of the tile's rows each. Blocks stay
// and take one tile after the other, so that the next tile's operands arrive while this one's sums are
// stored.
//
// full[s] says that stage s has arrived, empty[s] that the eight warps that multiply are done with it.
//
// Two blocks may have tiles beside each other, steps of k in the same order, and an operand in common (a cluster, Pairs). Each brings
// half of that to both, so that it leaves the L2 cache once; a stage is then empty where both blocks' warps are done with it.
//
// The order of the sums is that of the tensor core within 16 of k, and by k beyond, range by range
// (k_ranges).
#pragma once

#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/ring.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/device/tma.cuh"
#include "kernels/cuda/device/wgmma.cuh"
#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/gemm/gemm_arguments.h"
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

/// Each of two warpgroups multiplies m / 2 rows, 64 at a time. A warp of them has `warp_stage` bytes to store by.
template <int m_, int n_, Contiguous a_order_, Contiguous b_order_, int warp_stage_>
struct WgmmaTile {
  static constexpr int m = m_, n = n_, k_step = wgmma_k_step;
  static constexpr Contiguous a_order = a_order_, b_order = b_order_;
  static constexpr int warp_stage = warp_stage_;
  static constexpr int consumers = 2, warps = 4 * consumers, threads = 128 * (1 + consumers);
  static constexpr int m_blocks = m / (64 * consumers);
  /// A row of a box is 128 bytes. By rows of mn an operand is one box, by rows of k one for every 64 columns.
  static constexpr std::uint32_t box_row = box_columns * sizeof(BFloat16), k_box = k_step * box_row;
  static constexpr int b_boxes = b_order == Contiguous::k ? 1 : (n + box_columns - 1) / box_columns;
  /// Of 136 rows the half that a block brings to both has 72, so that it begins at a multiple of 8.
  static constexpr int half_n = (n + 15) / 16 * 8;
  static constexpr std::uint32_t a_bytes = m * box_row;  // either way
  static constexpr std::uint32_t b_bytes = b_order == Contiguous::k ? 2 * half_n * box_row : b_boxes * k_box;
  static constexpr std::uint32_t stage_bytes = a_bytes + b_bytes;
  static_assert(stage_bytes % 1024 == 0 && k_step == box_columns);
  static constexpr std::uint32_t store_bytes = warps * warp_stage;
  static constexpr int fitting =
      static_cast<int>((wgmma_shared_memory - store_bytes) / (stage_bytes + 2 * sizeof(SharedBarrier)));
  static constexpr int stages = fitting < 6 ? fitting : 6;
  static constexpr std::size_t shared_bytes =
      stages * (stage_bytes + 2 * sizeof(SharedBarrier)) + store_bytes;
  /// What a block leaves of a tile: the accumulators and the sums of B.
  static constexpr std::int32_t slot_length = m * n + n;
};

namespace wgmma_gemm {
/// Of this block: blocks of its cluster, which of them it is, and the range that they have.
struct InCluster {
  std::int32_t blocks, rank, range;

  __device__ explicit InCluster(const WgmmaArguments& p)
      : blocks(p.pairs == Pairs::none ? 1 : 2),
        rank(static_cast<std::int32_t>(blockIdx.x) & (blocks - 1)),
        range(static_cast<std::int32_t>(blockIdx.x) >> (blocks - 1)) {}
};

struct Place {
  std::int32_t m, n;

  /// One of a pair may lie beyond C: it is multiplied, as the other block waits for what this one brings.
  template <typename Tile>
  __device__ bool is_tile(const WgmmaArguments& p) const {
    return m * Tile::m < p.M && n * Tile::n < p.N;
  }
};
/// Neighbouring tiles share the operand that has more of them.
__device__ inline Place place_of(const WgmmaArguments& p, std::int32_t tile, std::int32_t rank) {
  Place at = p.tiles_m < p.tiles_n ? Place{tile % p.tiles_m, tile / p.tiles_m}
                                   : Place{tile / p.tiles_n, tile % p.tiles_n};
  if (p.pairs == Pairs::share_b) at.m = 2 * at.m + rank;
  if (p.pairs == Pairs::share_a) at.n = 2 * at.n + rank;
  return at;
}

/// A stage's part of an operand, from `mn` on: by rows of k one box for 64 columns, otherwise one box. `half`: rows of that, where
/// both blocks of the cluster have it; 0 where only this one has.
template <Contiguous order, int boxes, typename Tile>
__device__ void bring_operand(unsigned char* to, const CUtensorMap& map, std::int32_t k, std::int32_t mn,
                              int half, std::int32_t rank, SharedBarrier* arrived) {
  const auto ahead = half * rank;
  unsigned char* const begin = to + ahead * static_cast<int>(Tile::box_row);
#pragma unroll
  for (int box = 0; box < (order == Contiguous::k ? 1 : boxes); ++box) {
    unsigned char* const at = begin + box * Tile::k_box;
    const std::int32_t x = order == Contiguous::k ? k : mn + box * box_columns,
                       y = (order == Contiguous::k ? mn : k) + ahead;
    if (half > 0) {
      copy_box_to_both(at, &map, x, y, arrived);
    } else {
      copy_box(at, &map, x, y, arrived);
    }
  }
}

template <typename Tile>
__device__ void bring(const WgmmaArguments& p, unsigned char* memory, SharedBarrier* full,
                      SharedBarrier* empty) {
  constexpr bool a_by_k = Tile::a_order == Contiguous::k, b_by_k = Tile::b_order == Contiguous::k;
  const InCluster cluster(p);
  const int half_a = p.pairs != Pairs::share_a ? 0
                     : a_by_k                  ? Tile::m / 2
                                               : Tile::k_step / 2,
            half_b = p.pairs != Pairs::share_b ? 0
                     : b_by_k                  ? Tile::half_n
                                               : Tile::k_step / 2;
  const std::uint32_t bytes =
      b_by_k && half_b == 0 ? Tile::a_bytes + Tile::n * Tile::box_row : Tile::stage_bytes;
  Ring ring;
  for (Work work(p.k, cluster.range); work.next();) {
    const Place at = place_of(p, work.tile, cluster.rank);
    const std::int32_t m0 = at.m * Tile::m, n0 = at.n * Tile::n;
    for (std::int32_t step = work.first; step < work.last; ++step, ring.template advance<Tile::stages>()) {
      const std::int32_t k = step * Tile::k_step;
      wait_for(&empty[ring.stage], ring.parity ^ 1);
      SharedBarrier* const arrived = &full[ring.stage];
      arrive_expecting(arrived, bytes);
      unsigned char* const a = memory + ring.stage * Tile::stage_bytes;
      bring_operand<Tile::a_order, Tile::m / box_columns, Tile>(a, p.a, k, m0, half_a, cluster.rank, arrived);
      bring_operand<Tile::b_order, Tile::b_boxes, Tile>(a + Tile::a_bytes, p.b, k, n0, half_b, cluster.rank,
                                                        arrived);
    }
  }
}

/// Sum over the stage's k of column n of B, by rows of k.
template <typename Tile>
__device__ float column_sum(const unsigned char* b, int n) {
  const unsigned char* const box = b + n / box_columns * Tile::k_box;
  float sum = 0;
  for (unsigned k = 0; k < Tile::k_step; ++k) {
    const unsigned at = (k * Tile::box_row + n % box_columns * sizeof(BFloat16)) ^ (k % 8) << 4;
    sum += to_float(*reinterpret_cast<const BFloat16*>(box + at));
  }
  return sum;
}

/// What a thread has of a tile.
template <typename Tile>
struct Sums {
  float d[Tile::m_blocks][Tile::n / 2];
  float b;
};

/// The sums over the steps [first, last). `blocks`: of the cluster, all of which await that stages are empty.
template <typename Tile>
__device__ void multiply(const Work& work, bool b_sums, std::int32_t blocks, const unsigned char* memory,
                         SharedBarrier* full, SharedBarrier* empty, Ring& ring, Sums<Tile>& sums) {
  const int thread = static_cast<int>(threadIdx.x) - 128, group = thread / 128;
  const bool speaks = thread % 32 < blocks;  // to one of them each
  constexpr bool a_mn = Tile::a_order == Contiguous::mn, b_mn = Tile::b_order == Contiguous::mn;
  // 64 rows of m, or a box of 64 columns; 16 of k are 32 bytes of a row or 16 rows.
  constexpr std::uint32_t m_block = 64 * Tile::box_row, in_row = 32, rows = 16 * Tile::box_row;
  static_assert(m_block == Tile::k_box);
  sums.b = 0;
  bool begun = false;
  int before = 0;
  for (std::int32_t step = work.first; step < work.last; ++step, ring.template advance<Tile::stages>()) {
    wait_for(&full[ring.stage], ring.parity);
    const unsigned char* const a = memory + ring.stage * Tile::stage_bytes;
    const unsigned char* const b = a + Tile::a_bytes;
    const std::uint32_t a_start = shared_address(a) + group * Tile::m_blocks * m_block,
                        b_start = shared_address(b);
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < Tile::k_step / 16; ++i) {
#pragma unroll
      for (int block = 0; block < Tile::m_blocks; ++block)
        wgmma_m64k16<Tile::n, a_mn, b_mn>(
            sums.d[block], wgmma_descriptor(a_start + block * m_block + i * (a_mn ? rows : in_row), m_block),
            wgmma_descriptor(b_start + i * (b_mn ? rows : in_row), Tile::k_box), begun);
      begun = true;
    }
    wgmma_commit();
    if constexpr (b_mn)
      if (b_sums) sums.b += column_sum<Tile>(b, thread);
    // The step before is done: its stage may be filled again.
    wgmma_wait<1>();
    __syncwarp();
    if (speaks && step > work.first) arrive_in_block(&empty[before], thread % 32);
    before = ring.stage;
  }
  wgmma_wait<0>();
  __syncwarp();
  if (speaks) arrive_in_block(&empty[before], thread % 32);
}

/// Where a slot has four of a thread's sums, from sum 4 q of a block of 64 rows on: neighbouring threads have neighbouring
/// places.
template <typename Tile>
__device__ int place_in_slot(int block, int q, int thread) {
  return ((block * (Tile::n / 8) + q) * 128 * Tile::consumers + thread) * 4;
}

template <typename Tile>
__device__ void leave(float* slot, const Sums<Tile>& sums, bool b_sums) {
  const int thread = static_cast<int>(threadIdx.x) - 128;
#pragma unroll
  for (int block = 0; block < Tile::m_blocks; ++block)
#pragma unroll
    for (int q = 0; q < Tile::n / 8; ++q) {
      const float* const d = &sums.d[block][4 * q];
      store(slot + place_in_slot<Tile>(block, q, thread), Pack<float, 4>{{d[0], d[1], d[2], d[3]}});
    }
  if (b_sums) slot[Tile::m * Tile::n + thread] = sums.b;
}

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

template <typename Tile, typename Store>
__device__ void multiply_all(const WgmmaArguments& p, const Store& store, unsigned char* memory,
                             SharedBarrier* full, SharedBarrier* empty) {
  const int thread = static_cast<int>(threadIdx.x) - 128;
  const InCluster cluster(p);
  unsigned char* const store_memory = memory + Tile::stages * Tile::stage_bytes;
  auto warp_sums = sums_of_warp<Tile>(store, store_memory, thread / 32);
  Ring ring;
  for (Work work(p.k, cluster.range); work.next();) {
    const Place at = place_of(p, work.tile, cluster.rank);
    const bool b_sums = p.b_sums != nullptr && at.m == 0 && thread < Tile::n;
    if constexpr (requires { store.template prefetch<Tile::n>(FlatRow{}, 0); })
      if (work.first == 0)
        for (int row = thread; row < Tile::m; row += 128 * Tile::consumers)
          store.template prefetch<Tile::n>(flat_row(p, at.m * Tile::m + row), at.n * Tile::n);
    if (at.template is_tile<Tile>(p)) warp_sums.begin_tile(at.n * Tile::n);
    Sums<Tile> sums;
    multiply<Tile>(work, b_sums, cluster.blocks, memory, full, empty, ring, sums);
    if (!at.template is_tile<Tile>(p)) continue;
    if (work.first > 0 || work.last < p.k.steps) {
      leave<Tile>(p.k.slot(static_cast<std::int32_t>(blockIdx.x), work.first == 0), sums, b_sums);
      continue;
    }
    put<Tile, Tile::m_blocks, Tile::n>(p, store, at.m, at.n * Tile::n, 0, thread, sums.d, store_memory,
                                       warp_sums);
    if (b_sums && at.n * Tile::n + thread < p.N) p.b_sums[at.n * Tile::n + thread] = sums.b;
  }
  warp_sums.end();
}
}  // namespace wgmma_gemm

/// Grid: p.k.ranges blocks, or pairs of them in clusters.
template <typename Tile, typename Store>
__global__ void __launch_bounds__(Tile::threads, 1)
    gemm_wgmma(const __grid_constant__ WgmmaArguments p, const Store store) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  unsigned char* const memory = shared_memory<unsigned char>();
  auto* const full =
      reinterpret_cast<SharedBarrier*>(memory + Tile::stages * Tile::stage_bytes + Tile::store_bytes);
  SharedBarrier* const empty = full + Tile::stages;
  const std::int32_t blocks = wgmma_gemm::InCluster(p).blocks;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Tile::stages; ++stage) {
      init_barrier(&full[stage], 1);
      init_barrier(&empty[stage], static_cast<std::uint32_t>(Tile::warps * blocks));
    }
    fence_barrier_init();
  }
  wait_for_previous_kernel();
  if (blocks > 1) {
    cluster_barrier();
  } else {
    __syncthreads();
  }
  if (threadIdx.x < 128) {
    release_registers<40>();
    if (threadIdx.x == 0) wgmma_gemm::bring<Tile>(p, memory, full, empty);
    wgmma_gemm::end_tiles<Store>();
  } else {
    request_registers<232>();
    wgmma_gemm::multiply_all<Tile>(p, started(store), memory, full, empty);
    wgmma_gemm::leave_sums<Tile>(store, memory + Tile::stages * Tile::stage_bytes);
  }
  if (blocks > 1) cluster_barrier();
#endif
}

}  // namespace bragg::cuda
