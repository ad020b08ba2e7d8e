#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

/// dst (count) = the sum of `parts` rows of `count` floats, in order: the same bits every time.
__global__ void __launch_bounds__(threads) add_parts(const float* __restrict__ src, std::int64_t parts,
                                                     std::int64_t count, float* __restrict__ dst) {
  const std::int64_t stride = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < count; i += stride) {
    float sum = src[i];
    for (std::int64_t part = 1; part < parts; ++part)
      sum += src[part * count + i];
    dst[i] = sum;
  }
}

}  // namespace

std::size_t part_bytes(const GemmConfig& config, std::int64_t M, std::int64_t N) {
  return config.parts == 1 ? 0 : sizeof(float) * static_cast<std::size_t>(config.parts * M * (N + 1));
}

void gemm_backward_weights(const Describe& describe, cudaStream_t stream, GemmArguments p,
                           const GemmConfig& config, float* parts, float* diff_weights, float* diff_bias) {
  const bool split = config.parts > 1;
  float* const sums = split ? parts + config.parts * p.M * p.N : diff_bias;
  p.a_sums = sums;
  run_gemm<Contiguous::mn, Contiguous::mn>(describe, stream, p, config,
                                           PartStore{split ? parts : diff_weights, p.M, p.N});
  if (!split) return;
  const auto add = [&](const float* src, std::int64_t count, float* dst) {
    launch(describe, stream, {dim3(blocks_for(count, threads)), dim3(threads)}, add_parts, src, config.parts,
           count, dst);
  };
  add(parts, std::int64_t{p.M} * p.N, diff_weights);
  add(sums, p.M, diff_bias);
}

}  // namespace bragg::cuda
