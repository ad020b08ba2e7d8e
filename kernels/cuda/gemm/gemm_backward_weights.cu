#include <algorithm>

#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/gemm/flat_operands.h"
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

/// dst (M, N) with rows row_stride apart = the sum of `parts` matrices (M, N), in order: the same bits every
/// time. Grid: (chunks of a row, rows).
__global__ void __launch_bounds__(threads)
    add_parts(const float* __restrict__ src, std::int64_t parts, std::int64_t M, std::int64_t N,
              float* __restrict__ dst, std::int64_t row_stride) {
  wait_for_previous_kernel();
  const std::int64_t n = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  if (n >= N) return;
  for (std::int64_t m = blockIdx.y; m < M; m += gridDim.y) {
    float sum = src[m * N + n];
    for (std::int64_t part = 1; part < parts; ++part)
      sum += src[(part * M + m) * N + n];
    dst[m * row_stride + n] = sum;
  }
}

/// By the general main loops; `source` as of run_gemm.
template <typename T, typename... Source>
void multiply_in_parts(const Describe& describe, const GemmTarget& target, GemmArguments<T> p, float* parts,
                       const WeightGradient& diff, const Source&... source) {
  const std::int64_t M = p.M, N = p.N;
  const GemmConfig config = choose_gemm_config(general_main_loop(target.precision), M, N, p.K,
                                               parts != nullptr, sizeof...(Source) > 0);
  if (config.parts == 1) {
    p.a_sums = diff.bias;
    return run_gemm<Contiguous::mn, Contiguous::mn>(describe, target, p, config,
                                                    PartStore(diff.weights, 0, diff.row_stride), source...);
  }
  float* const sums = parts + config.parts * M * N;
  p.a_sums = sums;
  run_gemm<Contiguous::mn, Contiguous::mn>(describe, target, p, config, PartStore(parts, M * N, N),
                                           source...);
  const auto add = [&](const float* from, std::int64_t rows, std::int64_t length, float* to,
                       std::int64_t to_stride) {
    const dim3 grid(static_cast<unsigned>((length + threads - 1) / threads),
                    static_cast<unsigned>(std::min<std::int64_t>(rows, 65535)));
    launch(describe, target.launches, {grid, dim3(threads)}, add_parts, from, config.parts, rows, length, to,
           to_stride);
  };
  add(parts, M, N, diff.weights, diff.row_stride);
  add(sums, 1, M, diff.bias, M);
}

}  // namespace

std::size_t part_bytes(const GemmTarget& target, std::int64_t M, std::int64_t N, std::int64_t K) {
  std::int64_t most = 1;
  for (const bool few_tiles : {false, true})
    most = std::max(most,
                    choose_gemm_config(general_main_loop(target.precision), M, N, K, true, few_tiles).parts);
  return most == 1 ? 0 : sizeof(float) * static_cast<std::size_t>(most * M * (N + 1));
}

// wgmma multiplies 128 or 256 rows at a time: the many columns of the gradient, not the few rows.

void gemm_backward_weights_adam(const Describe& describe, const GemmTarget& target, GemmArguments<BFloat16> p,
                                const AdamStore<false>& store, float* diff_bias) {
  if (const auto flat = flat_operands(target, p)) {
    const AdamStore<true> transposed{store.weights,    store.m,         store.v,    store.working,
                                     store.row_stride, store.constants, store.state};
    run_wgmma<Contiguous::mn, Contiguous::mn>(describe, target, flat->src, flat->diff_dst, transposed,
                                              diff_bias);
    return;
  }
  p.a_sums = diff_bias;
  run_gemm<Contiguous::mn, Contiguous::mn>(
      describe, target, p, choose_gemm_config(MainLoop::mma_bf16, p.M, p.N, p.K, false), store);
}

template <typename T>
void gemm_backward_weights(const Describe& describe, const GemmTarget& target, GemmArguments<T> p,
                           float* parts, const WeightGradient& diff) {
  if (const auto flat = flat_operands(target, p)) {
    run_wgmma<Contiguous::mn, Contiguous::mn>(describe, target, flat->src, flat->diff_dst,
                                              TransposedStore{diff.weights, diff.row_stride}, diff.bias);
    return;
  }
  multiply_in_parts(describe, target, p, parts, diff);
}

void gemm_normalised_backward_weights(const Describe& describe, const GemmTarget& target,
                                      const GemmArguments<float>& p, const NormalisedRows& of_b, float* parts,
                                      const WeightGradient& diff) {
  multiply_in_parts(describe, target, p, parts, diff, NormalisedFetch(of_b, p.b));
}

template void gemm_backward_weights(const Describe&, const GemmTarget&, GemmArguments<float>, float*,
                                    const WeightGradient&);
template void gemm_backward_weights(const Describe&, const GemmTarget&, GemmArguments<BFloat16>, float*,
                                    const WeightGradient&);

}  // namespace bragg::cuda
