// The bfloat16 main loop for sm_90a. A block is three warpgroups: the first has TMA bring tiles of A and B to
// a ring of stages in shared memory, the others multiply (wgmma), 64 rows of C each. Blocks stay and take one
// tile after the other, so that the next tile's operands arrive while this one's sums are stored.
//
// full[s] says that stage s has arrived, empty[s] that the eight warps that multiply are done with it.
//
// The order of the sums is that of the tensor core within 16 of k, and by k beyond.
#pragma once

#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/device/tma.cuh"
#include "kernels/cuda/device/wgmma.cuh"
#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/gemm/gemm_arguments.h"
#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

/// C (M, N) = A (M, K) B (K, N). Rows of A by m are flat rows (flat_view.h): those between items are computed
/// and not stored. Where both operands go by rows of k, k counts flat rows, and B is zero between items.
struct WgmmaArguments {
  CUtensorMap a, b;
  std::int32_t M, N, K;
  Division pitch;  ///< of flat rows m
  std::int32_t rows_per_item;
  std::int32_t tiles_m, tiles_n, parts, part_length;  ///< part_length: a multiple of WgmmaTile::k_step
  float* b_sums = nullptr;                            ///< (parts, N): sums of B over k; B by rows of k alone
};

template <int n_, Contiguous a_order_, Contiguous b_order_>
struct WgmmaTile {
  static constexpr int m = 128, n = n_, k_step = 64;
  static constexpr Contiguous a_order = a_order_, b_order = b_order_;
  static constexpr int consumers = 2, warps = 4 * consumers, threads = 128 * (1 + consumers);
  /// A row of a box is 128 bytes. By rows of mn an operand is one box, by rows of k one for every 64 columns.
  static constexpr std::uint32_t box_row = box_columns * sizeof(BFloat16), k_box = k_step * box_row;
  static constexpr int b_boxes = b_order == Contiguous::k ? 1 : (n + box_columns - 1) / box_columns;
  static constexpr std::uint32_t a_bytes = m * box_row;  // either way
  static constexpr std::uint32_t b_bytes = b_order == Contiguous::k ? n * box_row : b_boxes * k_box;
  static constexpr std::uint32_t stage_bytes = a_bytes + b_bytes;
  static_assert(stage_bytes % 1024 == 0 && k_step == box_columns);
  static constexpr int fitting = static_cast<int>((220u << 10) / stage_bytes);
  static constexpr int stages = fitting < 6 ? fitting : 6;
  static constexpr std::size_t shared_bytes = stages * (stage_bytes + 2 * sizeof(SharedBarrier));
};

namespace wgmma_gemm {
struct Place {
  std::int32_t m, n, part;
};
/// Neighbouring tiles share the operand that has more of them.
__device__ inline Place place_of(const WgmmaArguments& p, std::int32_t tile) {
  const std::int32_t in_part = p.tiles_m * p.tiles_n, part = tile / in_part, rest = tile % in_part;
  return p.tiles_m < p.tiles_n ? Place{rest % p.tiles_m, rest / p.tiles_m, part}
                               : Place{rest / p.tiles_n, rest % p.tiles_n, part};
}

/// A stage of the ring and how often the ring went round.
struct Ring {
  int stage = 0;
  std::uint32_t parity = 0;
  template <int stages>
  __device__ void advance() {
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

template <typename Tile>
__device__ void bring(const WgmmaArguments& p, unsigned char* memory, SharedBarrier* full,
                      SharedBarrier* empty) {
  Ring ring;
  const std::int32_t tiles = p.tiles_m * p.tiles_n * p.parts;
  for (auto tile = static_cast<std::int32_t>(blockIdx.x); tile < tiles;
       tile += static_cast<std::int32_t>(gridDim.x)) {
    const Place at = place_of(p, tile);
    const std::int32_t m0 = at.m * Tile::m, n0 = at.n * Tile::n;
    const std::int32_t k_begin = at.part * p.part_length, k_end = min(k_begin + p.part_length, p.K);
    for (std::int32_t k = k_begin; k < k_end; k += Tile::k_step, ring.template advance<Tile::stages>()) {
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

template <typename Tile, typename Store>
__device__ void multiply(const WgmmaArguments& p, const Store& store, const unsigned char* memory,
                         SharedBarrier* full, SharedBarrier* empty) {
  const int thread = static_cast<int>(threadIdx.x) - 128, group = thread / 128, lane = thread % 32;
  const bool speaks = lane == 0;
  constexpr bool a_mn = Tile::a_order == Contiguous::mn, b_mn = Tile::b_order == Contiguous::mn;
  Ring ring;
  const std::int32_t tiles = p.tiles_m * p.tiles_n * p.parts;
  for (auto tile = static_cast<std::int32_t>(blockIdx.x); tile < tiles;
       tile += static_cast<std::int32_t>(gridDim.x)) {
    const Place at = place_of(p, tile);
    const std::int32_t m0 = at.m * Tile::m + 64 * group, n0 = at.n * Tile::n;
    const std::int32_t k_begin = at.part * p.part_length, k_end = min(k_begin + p.part_length, p.K);
    const bool sums_here = b_mn && p.b_sums != nullptr && at.m == 0 && thread < Tile::n;
    float d[Tile::n / 2], b_sum = 0;
    bool begun = false;
    int last = 0;
    for (std::int32_t k = k_begin; k < k_end; k += Tile::k_step, ring.template advance<Tile::stages>()) {
      wait_for(&full[ring.stage], ring.parity);
      const unsigned char* const a = memory + ring.stage * Tile::stage_bytes;
      const unsigned char* const b = a + Tile::a_bytes;
      // 64 rows of m, or the box of 64 columns, of this warpgroup; 16 of k are 32 bytes of a row or 16 rows.
      const std::uint32_t a_start = shared_address(a) + group * 64 * Tile::box_row,
                          b_start = shared_address(b);
      wgmma_fence();
#pragma unroll
      for (int step = 0; step < Tile::k_step / 16; ++step) {
        constexpr std::uint32_t in_row = 32, rows = 16 * Tile::box_row;
        wgmma_m64k16<Tile::n, a_mn, b_mn>(
            d, wgmma_descriptor(a_start + step * (a_mn ? rows : in_row), Tile::k_box),
            wgmma_descriptor(b_start + step * (b_mn ? rows : in_row), Tile::k_box), begun);
        begun = true;
      }
      wgmma_commit();
      if constexpr (b_mn)
        if (sums_here) b_sum += column_sum<Tile>(b, thread);
      // The step before is done: its stage may be filled again.
      wgmma_wait<1>();
      __syncwarp();
      if (speaks && k > k_begin) arrive(&empty[last]);
      last = ring.stage;
    }
    wgmma_wait<0>();
    __syncwarp();
    if (speaks) arrive(&empty[last]);

    const int g = lane / 4, t = lane % 4;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int32_t m = m0 + thread % 128 / 32 * 16 + 8 * half + g;
      if (m >= p.M) continue;
      const std::uint32_t item = p.pitch.quotient(static_cast<std::uint32_t>(m));
      const std::uint32_t in_item = static_cast<std::uint32_t>(m) - item * p.pitch.divisor;
      if (in_item >= static_cast<std::uint32_t>(p.rows_per_item)) continue;
      auto row = store.row(item * static_cast<std::uint32_t>(p.rows_per_item) + in_item, at.part);
#pragma unroll
      for (int j = 0; j < Tile::n / 8; ++j)
        put_pair(store, row, n0 + 8 * j + 2 * t, p.N, d[4 * j + 2 * half], d[4 * j + 2 * half + 1]);
    }
    if (sums_here && n0 + thread < p.N) p.b_sums[std::int64_t{at.part} * p.N + n0 + thread] = b_sum;
  }
}
}  // namespace wgmma_gemm

/// Grid: as many blocks as run at a time, or tiles if they are fewer.
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
    wgmma_gemm::multiply<Tile>(p, store, memory, full, empty);
  }
#endif
}

}  // namespace bragg::cuda
