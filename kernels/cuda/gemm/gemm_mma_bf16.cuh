// The bfloat16 main loop for sm_80 and later: tensor cores by mma.sync, operands copied through three stages
// of shared memory by cp.async, sums in fp32. A block of WM x WN warps computes a tile of 16 MI WM x 8 NI WN
// elements, a warp 16 MI x 8 NI of them.
//
// The order of the sums is that of the tensor core within 16 of k, and by k beyond.
#pragma once

#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/gemm/fetch_async.cuh"
#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

template <int MI_, int NI_, int WM_, int WN_>
struct MmaTile {
  static constexpr int MI = MI_, NI = NI_, WM = WM_, WN = WN_;
  static constexpr int m = 16 * MI * WM, n = 8 * NI * WN, threads = 32 * WM * WN;
  static constexpr int k_step = 32, stages = 3;
  static_assert(NI % 2 == 0);  // ldmatrix brings two columns of 8 at a time
};

template <typename Tile, Contiguous a_order, Contiguous b_order>
constexpr std::size_t gemm_mma_bf16_shared_bytes() {
  return sizeof(BFloat16) * Tile::stages *
         (SharedTile<a_order, Tile::m, Tile::k_step>::elements +
          SharedTile<b_order, Tile::n, Tile::k_step>::elements);
}

/// Four matrices of 8 x 8 from shared memory. (mn, k): where the one begins that the lane shows a row of, its
/// row `low`.
template <Contiguous order, int pitch>
__device__ void load_fragment(std::uint32_t (&fragment)[4], const BFloat16* operand, int mn, int k, int low) {
  if constexpr (order == Contiguous::k) {
    load_matrices<false>(fragment, operand + (mn + low) * pitch + k);
  } else {
    load_matrices<true>(fragment, operand + (k + low) * pitch + mn);
  }
}

/// Grid: (tiles of M, tiles of N, parts of K).
template <typename Tile, Contiguous a_order, Contiguous b_order, bool aligned, typename Store>
__global__ void __launch_bounds__(Tile::threads)
    gemm_mma_bf16(const GemmArguments<BFloat16> p, const Store store) {
  wait_for_previous_kernel();
  constexpr int MI = Tile::MI, NI = Tile::NI, k_step = Tile::k_step, stages = Tile::stages;
  using SharedA = SharedTile<a_order, Tile::m, k_step>;
  using SharedB = SharedTile<b_order, Tile::n, k_step>;
  constexpr int stage = SharedA::elements + SharedB::elements;
  BFloat16* const memory = shared_memory<BFloat16>();

  const auto m0 = static_cast<std::int32_t>(blockIdx.x) * Tile::m,
             n0 = static_cast<std::int32_t>(blockIdx.y) * Tile::n;
  const std::int32_t k_begin = static_cast<std::int32_t>(blockIdx.z) * p.part_length;
  const std::int32_t k_end = min(k_begin + p.part_length, p.K);
  const std::int32_t steps = (k_end - k_begin + k_step - 1) / k_step;
  const AsyncFetch<a_order, Tile::m, k_step, Tile::threads, aligned> fetch_a(p.a, m0, p.M);
  const AsyncFetch<b_order, Tile::n, k_step, Tile::threads, aligned> fetch_b(p.b, n0, p.N);
  const auto fetch = [&](std::int32_t step) {
    if (step < steps) {
      BFloat16* const to = memory + step % stages * stage;
      fetch_a.start(k_begin + step * k_step, k_end, to);
      fetch_b.start(k_begin + step * k_step, k_end, to + SharedA::elements);
    }
    commit_copies();  // an empty group keeps the count
  };

  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const int warp_m = warp % Tile::WM * 16 * MI, warp_n = warp / Tile::WM * 8 * NI;
  // The row that this lane shows to ldmatrix: of matrix lane / 8 its row lane % 8.
  const int low = lane % 8, matrix_low = lane / 8 % 2, matrix_high = lane / 16;
  const bool sums_here = p.a_sums != nullptr && blockIdx.y == 0 && static_cast<int>(threadIdx.x) < Tile::m;
  float c[MI][NI][4] = {}, a_sum[(Tile::m + Tile::threads - 1) / Tile::threads] = {};

#pragma unroll
  for (int step = 0; step < stages - 1; ++step)
    fetch(step);
  for (std::int32_t step = 0; step < steps; ++step) {
    wait_for_copies<stages - 2>();
    // Everyone's copies of this step are there, and everyone is done with the step before, whose stage is
    // filled next.
    __syncthreads();
    fetch(step + stages - 1);
    const BFloat16* const a = memory + step % stages * stage;
    const BFloat16* const b = a + SharedA::elements;
#pragma unroll
    for (int k = 0; k < k_step; k += 16) {
      std::uint32_t a_fragment[MI][4], b_fragment[NI / 2][4];
#pragma unroll
      for (int i = 0; i < MI; ++i)
        load_fragment<a_order, SharedA::pitch>(a_fragment[i], a, warp_m + 16 * i + 8 * matrix_low,
                                               k + 8 * matrix_high, low);
#pragma unroll
      for (int j = 0; j < NI / 2; ++j)
        load_fragment<b_order, SharedB::pitch>(b_fragment[j], b, warp_n + 16 * j + 8 * matrix_high,
                                               k + 8 * matrix_low, low);
#pragma unroll
      for (int i = 0; i < MI; ++i)
#pragma unroll
        for (int j = 0; j < NI; ++j) {
          const std::uint32_t column[2] = {b_fragment[j / 2][j % 2 * 2], b_fragment[j / 2][j % 2 * 2 + 1]};
          mma_m16n8k16_bf16(c[i][j], a_fragment[i], column);
        }
    }
    if constexpr (a_order == Contiguous::mn) {
      if (sums_here)
        for (int i = 0, m = static_cast<int>(threadIdx.x); m < Tile::m; ++i, m += Tile::threads)
          for (int k = 0; k < k_step; ++k)
            a_sum[i] += to_float(a[k * SharedA::pitch + m]);
    }
  }
  wait_for_copies<0>();

  put_accumulators(started(store), c, m0 + warp_m, n0 + warp_n, p.M, p.N);
  if (sums_here) {
    for (int i = 0, m = static_cast<int>(threadIdx.x); m < Tile::m; ++i, m += Tile::threads)
      if (m0 + m < p.M) p.a_sums[static_cast<std::int64_t>(blockIdx.z) * p.M + m0 + m] = a_sum[i];
  }
}

}  // namespace bragg::cuda
