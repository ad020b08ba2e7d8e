// The tf32 main loop, on tensor cores by mma.sync (sm_80 and later): operands are fp32 in memory and rounded
// to tf32 on their way into the registers, sums are fp32. A block of 8 warps, WM of them along m, computes a
// tile of 16 TM x 16 TN elements; K runs through shared memory as in gemm_simt.cuh.
//
// The order of the sums is that of the tensor core within 8 of k, and by k beyond.
#pragma once

#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/ptx.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/gemm/fetch_through_registers.cuh"
#include "kernels/cuda/gemm/store.cuh"
#include "kernels/cuda/gemm/tile_sums.cuh"

namespace bragg::cuda {

namespace mma_tf32 {
/// The pitch of a row is 8 modulo 32 words (24 for 80): the 32 lanes of a fragment read 32 banks.
constexpr int padding = 8;
}  // namespace mma_tf32

template <int TM, int TN>
constexpr std::size_t gemm_mma_tf32_shared_bytes() {
  return sizeof(float) * 2 * gemm_block::k_step * (16 * (TM + TN) + 2 * mma_tf32::padding);
}

/// Grid: (tiles of M, tiles of N, parts of K).
template <int TM, int TN, int WM, Contiguous a_order, Contiguous b_order, typename Store, typename Source>
__global__ void __launch_bounds__(gemm_block::threads)
    gemm_mma_tf32(const GemmArguments<float> p, const Store store, [[maybe_unused]] const Source source) {
  wait_for_previous_kernel();
  using namespace gemm_block;
  constexpr int a_pitch = 16 * TM + mma_tf32::padding, b_pitch = 16 * TN + mma_tf32::padding;
  constexpr int WN = threads / 32 / WM;          // warps along n
  constexpr int MI = TM / WM, NI = 2 * TN / WN;  // 16 x 8 tiles of a warp
  static_assert(MI * WM == TM && NI * WN == 2 * TN);
  float* const memory = shared_memory<float>();

  const auto m0 = static_cast<std::int32_t>(blockIdx.x) * 16 * TM,
             n0 = static_cast<std::int32_t>(blockIdx.y) * 16 * TN;
  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const int g = lane / 4, t = lane % 4;
  const int warp_m = warp % WM * 16 * MI, warp_n = warp / WM * 8 * NI;
  const bool sums_here = p.a_sums != nullptr && blockIdx.y == 0 && threadIdx.x < 16 * TM;
  float c[MI][NI][4] = {};

  const float a_sum = for_each_step<TM, TN, a_order, b_order, a_pitch, b_pitch>(
      p, source, m0, n0, sums_here, memory, [&](const float* a, const float* b) {
#pragma unroll
        for (int k = 0; k < k_step; k += 8) {
          std::uint32_t a_fragment[MI][4], b_fragment[NI][2];
#pragma unroll
          for (int i = 0; i < MI; ++i) {
            const float* from = a + (k + t) * a_pitch + warp_m + 16 * i + g;
            a_fragment[i][0] = to_tf32(from[0]);
            a_fragment[i][1] = to_tf32(from[8]);
            a_fragment[i][2] = to_tf32(from[4 * a_pitch]);
            a_fragment[i][3] = to_tf32(from[4 * a_pitch + 8]);
          }
#pragma unroll
          for (int j = 0; j < NI; ++j) {
            const float* from = b + (k + t) * b_pitch + warp_n + 8 * j + g;
            b_fragment[j][0] = to_tf32(from[0]);
            b_fragment[j][1] = to_tf32(from[4 * b_pitch]);
          }
#pragma unroll
          for (int i = 0; i < MI; ++i)
#pragma unroll
            for (int j = 0; j < NI; ++j)
              mma_m16n8k8_tf32(c[i][j], a_fragment[i], b_fragment[j]);
        }
      });

  put_accumulators(store, c, m0 + warp_m, n0 + warp_n, p.M, p.N);
  put_a_sum(p, m0, sums_here, a_sum);
  end_tile<16 * TM, 16 * TN>(store, m0, n0, p, memory);
}

}  // namespace bragg::cuda
