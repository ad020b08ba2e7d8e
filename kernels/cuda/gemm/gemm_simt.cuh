// The strict fp32 main loop: C = A B without tensor cores. A block of 256 threads computes a tile of 16 TM x
// 16 TN elements, a thread TM x TN of them; K runs in steps of 16 through two stages of shared memory, the
// next step's numbers waiting in registers while the present one is multiplied.
//
// Each element of C is summed over k in order, by one thread: the same bits for any tile and any GPU.
#pragma once

#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/gemm/fetch_through_registers.cuh"
#include "kernels/cuda/gemm/tile_sums.cuh"

namespace bragg::cuda {

namespace simt_gemm {
constexpr int padding = 4;

/// Element i of a thread's T in its dimension, `t` its place of 16: fours lie together where T allows vector
/// loads.
template <int T>
__device__ constexpr int element(int t, int i) {
  return T % 4 == 0 ? i / 4 * 64 + t * 4 + i % 4 : i * 16 + t;
}

template <int T>
__device__ void read_fragment(const float* row, int t, float (&fragment)[T]) {
  if constexpr (T % 4 == 0) {
#pragma unroll
    for (int i = 0; i < T; i += 4) {
      const float4 four = *reinterpret_cast<const float4*>(row + element<T>(t, i));
      fragment[i] = four.x;
      fragment[i + 1] = four.y;
      fragment[i + 2] = four.z;
      fragment[i + 3] = four.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < T; ++i)
      fragment[i] = row[element<T>(t, i)];
  }
}
}  // namespace simt_gemm

/// Bytes of shared memory of a block.
template <int TM, int TN>
constexpr std::size_t gemm_simt_shared_bytes() {
  using namespace gemm_block;
  using namespace simt_gemm;
  return sizeof(float) * 2 * k_step * (16 * (TM + TN) + 2 * padding);
}

/// Grid: (tiles of M, tiles of N, parts of K).
template <int TM, int TN, Contiguous a_order, Contiguous b_order, typename Store, typename Source>
__global__ void __launch_bounds__(gemm_block::threads)
    gemm_simt(const GemmArguments<float> p, const Store store, [[maybe_unused]] const Source source) {
  wait_for_previous_kernel();
  using namespace gemm_block;
  using namespace simt_gemm;
  constexpr int a_pitch = 16 * TM + padding, b_pitch = 16 * TN + padding;
  float* const memory = shared_memory<float>();

  const auto m0 = static_cast<std::int32_t>(blockIdx.x) * 16 * TM,
             n0 = static_cast<std::int32_t>(blockIdx.y) * 16 * TN;
  const int tx = static_cast<int>(threadIdx.x % 16), ty = static_cast<int>(threadIdx.x / 16);
  const bool sums_here = p.a_sums != nullptr && blockIdx.y == 0 && threadIdx.x < 16 * TM;
  float c[TM][TN] = {};

  const float a_sum = for_each_step<TM, TN, a_order, b_order, a_pitch, b_pitch>(
      p, source, m0, n0, sums_here, memory, [&](const float* a, const float* b) {
#pragma unroll
        for (int k = 0; k < k_step; ++k) {
          float a_fragment[TM], b_fragment[TN];
          read_fragment(a + k * a_pitch, ty, a_fragment);
          read_fragment(b + k * b_pitch, tx, b_fragment);
#pragma unroll
          for (int i = 0; i < TM; ++i)
#pragma unroll
            for (int j = 0; j < TN; ++j)
              c[i][j] = fmaf(a_fragment[i], b_fragment[j], c[i][j]);
        }
      });

#pragma unroll
  for (int i = 0; i < TM; ++i) {
    const std::int32_t m = m0 + element<TM>(ty, i);
    if (m >= p.M) continue;
    auto row = store.row(static_cast<std::uint32_t>(m), static_cast<std::int32_t>(blockIdx.z));
#pragma unroll
    for (int j = 0; j < TN; ++j) {
      const std::int32_t n = n0 + element<TN>(tx, j);
      if (n < p.N) store.put(row, n, c[i][j]);
    }
  }
  put_a_sum(p, m0, sums_here, a_sum);
  end_tile<16 * TM, 16 * TN>(store, m0, n0, p, memory);
}

}  // namespace bragg::cuda
