// The bfloat16 main loop for sm_90a. A block is three warpgroups: the first has TMA bring tiles of A and B to
// a ring of stages in shared memory, the others multiply (wgmma), half of the tile's rows each. Blocks stay
// and take one tile after the other, so that the next tile's operands arrive while this one's sums are
// stored.
//
// full[s] says that stage s has arrived, empty[s] that the eight warps that multiply are done with it. Where A is changed on its way
// (normalised_operand.cuh) the other warps of the first warpgroup do that, and ready[s] says that they have.
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
#include "kernels/cuda/gemm/gemm_arguments.h"
#include "kernels/cuda/gemm/normalised_operand.cuh"
#include "kernels/cuda/gemm/wgmma_store.cuh"

namespace bragg::cuda {

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
  /// Where stages are changed before they are multiplied.
  static constexpr std::size_t ready_bytes = stages * sizeof(SharedBarrier);
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

/// By the warps of the first warpgroup that do not bring: `warp` of them.
template <typename Tile, typename Source>
__device__ void change(const WgmmaArguments& p, const Source& source, unsigned char* memory,
                       SharedBarrier* full, SharedBarrier* ready, int warp) {
  constexpr bool by_k = Tile::a_order == Contiguous::k;
  constexpr int boxes = by_k ? 1 : Tile::m / box_columns, rows = by_k ? Tile::m : Tile::k_step;
  const InCluster cluster(p);
  Ring ring;
  for (Work work(p.k, cluster.range); work.next();) {
    const std::int32_t m0 = place_of(p, work.tile, cluster.rank).m * Tile::m;
    for (std::int32_t step = work.first; step < work.last; ++step, ring.template advance<Tile::stages>()) {
      const std::int32_t k = step * Tile::k_step;
      const auto part = source.template part<rows>(by_k ? m0 : k, warp);
      wait_for(&full[ring.stage], ring.parity);
      source.template change<boxes>(memory + ring.stage * Tile::stage_bytes, Tile::k_box, part, by_k ? k : m0,
                                    warp);
      fence_async_proxy();
      __syncwarp();
      if (threadIdx.x % 32 == 0) arrive(&ready[ring.stage]);
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
template <typename Tile, typename Store, typename Source>
__global__ void __launch_bounds__(Tile::threads, 1)
    gemm_wgmma(const __grid_constant__ WgmmaArguments p, const Store store,
               [[maybe_unused]] const Source source) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  unsigned char* const memory = shared_memory<unsigned char>();
  auto* const full =
      reinterpret_cast<SharedBarrier*>(memory + Tile::stages * Tile::stage_bytes + Tile::store_bytes);
  SharedBarrier* const empty = full + Tile::stages;
  SharedBarrier* const ready = Source::changes ? empty + Tile::stages : full;
  const std::int32_t blocks = wgmma_gemm::InCluster(p).blocks;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Tile::stages; ++stage) {
      init_barrier(&full[stage], 1);
      init_barrier(&empty[stage], static_cast<std::uint32_t>(Tile::warps * blocks));
      if constexpr (Source::changes) init_barrier(&ready[stage], Source::warps);
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
    release_registers<Source::bringing_registers>();
    if (threadIdx.x == 0) wgmma_gemm::bring<Tile>(p, memory, full, empty);
    if constexpr (Source::changes)
      if (threadIdx.x >= 32)
        wgmma_gemm::change<Tile>(p, source, memory, full, ready, static_cast<int>(threadIdx.x) / 32 - 1);
    wgmma_gemm::end_tiles<Store>();
  } else {
    request_registers<Source::multiplying_registers>();
    wgmma_gemm::multiply_all<Tile>(p, started(store), memory, ready, empty);
    wgmma_gemm::leave_sums<Tile>(store, memory + Tile::stages * Tile::stage_bytes);
  }
  if (blocks > 1) cluster_barrier();
#endif
}

}  // namespace bragg::cuda
