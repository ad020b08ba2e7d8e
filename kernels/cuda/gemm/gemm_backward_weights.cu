#include <algorithm>

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
  const std::int64_t n = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  if (n >= N) return;
  for (std::int64_t m = blockIdx.y; m < M; m += gridDim.y) {
    float sum = src[m * N + n];
    for (std::int64_t part = 1; part < parts; ++part)
      sum += src[(part * M + m) * N + n];
    dst[m * row_stride + n] = sum;
  }
}

}  // namespace

std::size_t part_bytes(const GemmConfig& config, std::int64_t M, std::int64_t N) {
  return config.parts == 1 ? 0 : sizeof(float) * static_cast<std::size_t>(config.parts * M * (N + 1));
}

template <typename T>
void gemm_backward_weights(const Describe& describe, cudaStream_t stream, GemmArguments<T> p,
                           const GemmConfig& config, float* parts, const WeightGradient& diff) {
  const std::int64_t M = p.M, N = p.N;
  const bool split = config.parts > 1;
  float* const sums = split ? parts + config.parts * M * N : diff.bias;
  p.a_sums = sums;
  run_gemm<Contiguous::mn, Contiguous::mn>(
      describe, stream, p, config,
      split ? PartStore(parts, M * N, N) : PartStore(diff.weights, 0, diff.row_stride));
  if (!split) return;
  const auto add = [&](const float* src, std::int64_t rows, std::int64_t length, float* dst,
                       std::int64_t row_stride) {
    const dim3 grid(static_cast<unsigned>((length + threads - 1) / threads),
                    static_cast<unsigned>(std::min<std::int64_t>(rows, 65535)));
    launch(describe, stream, {grid, dim3(threads)}, add_parts, src, config.parts, rows, length, dst,
           row_stride);
  };
  add(parts, M, N, diff.weights, diff.row_stride);
  add(sums, 1, M, diff.bias, M);
}

template void gemm_backward_weights(const Describe&, cudaStream_t, GemmArguments<float>, const GemmConfig&,
                                    float*, const WeightGradient&);
template void gemm_backward_weights(const Describe&, cudaStream_t, GemmArguments<BFloat16>, const GemmConfig&,
                                    float*, const WeightGradient&);

}  // namespace bragg::cuda
