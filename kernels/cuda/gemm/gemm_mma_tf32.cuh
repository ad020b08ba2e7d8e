// The tf32 main loop, on tensor cores by mma.sync (sm_80 and later): operands are fp32 in memory and rounded
// to tf32 on their way into the registers, sums are fp32. A block of 8 warps, WM of them along m, computes a
// tile of 16 TM x 16 TN elements; K runs through shared memory as in gemm_simt.cuh.
//
// The order of the sums is that of the tensor core within 8 of k, and by k beyond.
#pragma once

#include "kernels/cuda/device/ptx.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/gemm/fetch_through_registers.cuh"

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
template <int TM, int TN, int WM, Contiguous a_order, Contiguous b_order, typename Store>
__global__ void __launch_bounds__(gemm_block::threads)
    gemm_mma_tf32(const GemmArguments<float> p, const Store store) {
  using namespace gemm_block;
  constexpr int a_pitch = 16 * TM + mma_tf32::padding, b_pitch = 16 * TN + mma_tf32::padding;
  constexpr int stage = k_step * (a_pitch + b_pitch);
  constexpr int WN = threads / 32 / WM;          // warps along n
  constexpr int MI = TM / WM, NI = 2 * TN / WN;  // 16 x 8 tiles of a warp
  static_assert(MI * WM == TM && NI * WN == 2 * TN);
  float* const memory = shared_memory<float>();

  const auto m0 = static_cast<std::int32_t>(blockIdx.x) * 16 * TM,
             n0 = static_cast<std::int32_t>(blockIdx.y) * 16 * TN;
  const std::int32_t k_begin = static_cast<std::int32_t>(blockIdx.z) * p.part_length;
  const std::int32_t k_end = min(k_begin + p.part_length, p.K);
  Fetch<TM, a_order> fetch_a(p.a, m0, p.M);
  Fetch<TN, b_order> fetch_b(p.b, n0, p.N);

  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const int g = lane / 4, t = lane % 4;
  const int warp_m = warp % WM * 16 * MI, warp_n = warp / WM * 8 * NI;
  const bool sums_here = p.a_sums != nullptr && blockIdx.y == 0 && threadIdx.x < 16 * TM;
  float c[MI][NI][4] = {}, a_sum = 0;

  fetch_a.load(k_begin, k_end);
  fetch_b.load(k_begin, k_end);
  int at = 0;
  for (std::int32_t k0 = k_begin; k0 < k_end; k0 += k_step, at ^= 1) {
    float* const a = memory + at * stage;
    float* const b = a + k_step * a_pitch;
    fetch_a.template store<a_pitch>(a);
    fetch_b.template store<b_pitch>(b);
    // The other stage is still read by threads that are behind; the next barrier comes before it is written
    // again.
    __syncthreads();
    if (k0 + k_step < k_end) {
      fetch_a.load(k0 + k_step, k_end);
      fetch_b.load(k0 + k_step, k_end);
    }
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
    if (sums_here)
      for (int k = 0; k < k_step; ++k)
        a_sum += a[k * a_pitch + static_cast<int>(threadIdx.x)];
  }

#pragma unroll
  for (int i = 0; i < MI; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int32_t m = m0 + warp_m + 16 * i + 8 * half + g;
      if (m >= p.M) continue;
      auto row = store.row(static_cast<std::uint32_t>(m), static_cast<std::int32_t>(blockIdx.z));
#pragma unroll
      for (int j = 0; j < NI; ++j) {
        const std::int32_t n = n0 + warp_n + 8 * j + 2 * t;
        put_pair(store, row, n, p.N, c[i][j][2 * half], c[i][j][2 * half + 1]);
      }
    }
  }
  if (sums_here) {
    const std::int32_t m = m0 + static_cast<std::int32_t>(threadIdx.x);
    if (m < p.M) p.a_sums[static_cast<std::int64_t>(blockIdx.z) * p.M + m] = a_sum;
  }
}

}  // namespace bragg::cuda
