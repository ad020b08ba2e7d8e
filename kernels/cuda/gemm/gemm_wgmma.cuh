// The bfloat16 main loop for sm_90a. A block is three warpgroups: the first has TMA bring tiles of A and B to
// a ring of stages in shared memory, the others multiply (wgmma), half of the tile's rows each. Blocks stay
// and take one tile after the other, so that the next tile's operands arrive while this one's sums are
// stored.
//
// full[s] says that stage s has arrived, empty[s] that the eight warps that multiply are done with it.
//
// The order of the sums is that of the tensor core within 16 of k, and by k beyond, range by range
// (k_ranges).
#pragma once

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
  std::int32_t tiles_m, tiles_n;
  KRanges k;
  float* b_sums = nullptr;  ///< (N): sums of B over k; B by rows of k alone
};

/// What a block may ask for on compute capability 9.0: 227 KiB (CUDA C++ Programming Guide, "Compute
/// Capabilities").
inline constexpr std::uint32_t wgmma_shared_memory = 227u << 10;

/// Each of two warpgroups multiplies m / 2 rows, 64 at a time.
template <int m_, int n_, Contiguous a_order_, Contiguous b_order_>
struct WgmmaTile {
  static constexpr int m = m_, n = n_, k_step = wgmma_k_step;
  static constexpr Contiguous a_order = a_order_, b_order = b_order_;
  static constexpr int consumers = 2, warps = 4 * consumers, threads = 128 * (1 + consumers);
  static constexpr int m_blocks = m / (64 * consumers);
  /// A row of a box is 128 bytes. By rows of mn an operand is one box, by rows of k one for every 64 columns.
  static constexpr std::uint32_t box_row = box_columns * sizeof(BFloat16), k_box = k_step * box_row;
  static constexpr int b_boxes = b_order == Contiguous::k ? 1 : (n + box_columns - 1) / box_columns;
  static constexpr std::uint32_t a_bytes = m * box_row;  // either way
  static constexpr std::uint32_t b_bytes = b_order == Contiguous::k ? n * box_row : b_boxes * k_box;
  static constexpr std::uint32_t stage_bytes = a_bytes + b_bytes;
  static_assert(stage_bytes % 1024 == 0 && k_step == box_columns);
  static constexpr int fitting =
      static_cast<int>(wgmma_shared_memory / (stage_bytes + 2 * sizeof(SharedBarrier)));
  static constexpr int stages = fitting < 6 ? fitting : 6;
  static constexpr std::size_t shared_bytes = stages * (stage_bytes + 2 * sizeof(SharedBarrier));
  /// What a block hands to another: the accumulators and the sums of B.
  static constexpr std::int32_t slot_length = m * n + n;
};

namespace wgmma_gemm {
struct Place {
  std::int32_t m, n;
};
/// Neighbouring tiles share the operand that has more of them.
__device__ inline Place place_of(const WgmmaArguments& p, std::int32_t tile) {
  return p.tiles_m < p.tiles_n ? Place{tile % p.tiles_m, tile / p.tiles_m}
                               : Place{tile / p.tiles_n, tile % p.tiles_n};
}

template <typename Tile>
__device__ void bring(const WgmmaArguments& p, unsigned char* memory, SharedBarrier* full,
                      SharedBarrier* empty) {
  Ring ring;
  for (Work work(p.k, range_of_block()); work.next();) {
    const Place at = place_of(p, work.tile);
    const std::int32_t m0 = at.m * Tile::m, n0 = at.n * Tile::n;
    for (std::int32_t step = work.first; step < work.last; ++step, ring.template advance<Tile::stages>()) {
      const std::int32_t k = step * Tile::k_step;
      wait_for(&empty[ring.stage], ring.parity ^ 1);
      SharedBarrier* const arrived = &full[ring.stage];
      arrive_expecting(arrived, Tile::stage_bytes);
      unsigned char* const a = memory + ring.stage * Tile::stage_bytes;
      unsigned char* const b = a + Tile::a_bytes;
      if constexpr (Tile::a_order == Contiguous::k) {
        copy_box(a, &p.a, k, m0, arrived);
      } else {
        for (int box = 0; box < Tile::m / box_columns; ++box)
          copy_box(a + box * Tile::k_box, &p.a, m0 + box * box_columns, k, arrived);
      }
      if constexpr (Tile::b_order == Contiguous::k) {
        copy_box(b, &p.b, k, n0, arrived);
      } else {
        for (int box = 0; box < Tile::b_boxes; ++box)
          copy_box(b + box * Tile::k_box, &p.b, n0 + box * box_columns, k, arrived);
      }
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

/// The sums over the steps [first, last).
template <typename Tile>
__device__ void multiply(const Work& work, bool b_sums, const unsigned char* memory, SharedBarrier* full,
                         SharedBarrier* empty, Ring& ring, Sums<Tile>& sums) {
  const int thread = static_cast<int>(threadIdx.x) - 128, group = thread / 128;
  const bool speaks = thread % 32 == 0;
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
    if (speaks && step > work.first) arrive(&empty[before]);
    before = ring.stage;
  }
  wgmma_wait<0>();
  __syncwarp();
  if (speaks) arrive(&empty[before]);
}

/// Calls each(place in a slot, sum) for all of this thread's sums; neighbouring threads have neighbouring
/// places.
template <typename Tile, typename Each>
__device__ void for_each_sum(Sums<Tile>& sums, bool b_sums, const Each& each) {
  const int thread = static_cast<int>(threadIdx.x) - 128;
#pragma unroll
  for (int block = 0; block < Tile::m_blocks; ++block)
#pragma unroll
    for (int v = 0; v < Tile::n / 2; ++v)
      each((block * (Tile::n / 2) + v) * 128 * Tile::consumers + thread, sums.d[block][v]);
  if (b_sums) each(Tile::m * Tile::n + thread, sums.b);
}

/// Adds what the ranges behind this one have of the tile.
template <typename Tile>
__device__ void gather(const KRanges& k, std::int32_t done, bool b_sums, Sums<Tile>& sums) {
  const bool speaks = threadIdx.x % 32 == 0;
  for (std::int32_t range = range_of_block() + 1; done < k.steps; ++range) {
    k_ranges::wait(&k.flags[range], Tile::warps, speaks);
    const float* const slot = k.sums + std::int64_t{range} * k.slot_length;
    for_each_sum(sums, b_sums, [&](int at, float& sum) { sum += slot[at]; });
    k_ranges::done_waiting(&k.flags[range], Tile::warps, speaks);
    done += static_cast<std::int32_t>(k.begin(range + 1) - k.begin(range));
  }
}

template <typename Tile, typename Store>
__device__ void put(const WgmmaArguments& p, const Store& store, const Place& at, Sums<Tile>& sums) {
  const int thread = static_cast<int>(threadIdx.x) - 128, lane = thread % 32;
#pragma unroll
  for (int block = 0; block < Tile::m_blocks; ++block) {
    const std::int32_t m0 = at.m * Tile::m + (thread / 128 * Tile::m_blocks + block) * 64;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int32_t m = m0 + thread % 128 / 32 * 16 + 8 * half + lane / 4;
      const std::uint32_t item = p.pitch.quotient(static_cast<std::uint32_t>(m));
      const std::uint32_t in_item = static_cast<std::uint32_t>(m) - item * p.pitch.divisor;
      const bool is_row = m < p.M && in_item < static_cast<std::uint32_t>(p.rows_per_item);
      put_row<Tile::n / 8>(store, is_row ? item * static_cast<std::uint32_t>(p.rows_per_item) + in_item : 0,
                           0, is_row, at.n * Tile::n, p.N,
                           [&](int j, int e) -> float { return sums.d[block][4 * j + 2 * half + e]; });
    }
  }
}

template <typename Tile, typename Store>
__device__ void multiply_all(const WgmmaArguments& p, const Store& store, const unsigned char* memory,
                             SharedBarrier* full, SharedBarrier* empty) {
  const int thread = static_cast<int>(threadIdx.x) - 128;
  const std::int32_t range = range_of_block();
  Ring ring;
  for (Work work(p.k, range); work.next();) {
    const Place at = place_of(p, work.tile);
    const bool b_sums = p.b_sums != nullptr && at.m == 0 && thread < Tile::n;
    Sums<Tile> sums;
    multiply<Tile>(work, b_sums, memory, full, empty, ring, sums);
    if (work.first > 0) {
      float* const slot = p.k.sums + std::int64_t{range} * p.k.slot_length;
      for_each_sum(sums, b_sums, [&](int to, float& sum) { slot[to] = sum; });
      k_ranges::publish(&p.k.flags[range], thread % 32 == 0);
      continue;
    }
    gather<Tile>(p.k, work.last, b_sums, sums);
    put<Tile>(p, store, at, sums);
    if (b_sums && at.n * Tile::n + thread < p.N) p.b_sums[at.n * Tile::n + thread] = sums.b;
  }
}
}  // namespace wgmma_gemm

/// Grid: p.k.ranges blocks.
template <typename Tile, typename Store>
__global__ void __launch_bounds__(Tile::threads, 1)
    gemm_wgmma(const __grid_constant__ WgmmaArguments p, const Store store) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  unsigned char* const memory = shared_memory<unsigned char>();
  auto* const full = reinterpret_cast<SharedBarrier*>(memory + Tile::stages * Tile::stage_bytes);
  SharedBarrier* const empty = full + Tile::stages;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Tile::stages; ++stage) {
      init_barrier(&full[stage], 1);
      init_barrier(&empty[stage], Tile::warps);
    }
    fence_barrier_init();
  }
  __syncthreads();
  if (threadIdx.x < 128) {
    release_registers<40>();
    if (threadIdx.x == 0) wgmma_gemm::bring<Tile>(p, memory, full, empty);
  } else {
    request_registers<232>();
    wgmma_gemm::multiply_all<Tile>(p, store, memory, full, empty);
  }
#endif
}

}  // namespace bragg::cuda
