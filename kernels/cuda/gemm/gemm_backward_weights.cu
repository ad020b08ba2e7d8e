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

GemmConfig config_of(MainLoop main_loop, std::int64_t M, std::int64_t N, std::int64_t K) {
  // wgmma multiplies 128 rows at a time: the many columns of the gradient, not the few rows.
  return main_loop == MainLoop::wgmma_bf16 ? choose_gemm_config(main_loop, N, M, K, true)
                                           : choose_gemm_config(main_loop, M, N, K, true);
}

}  // namespace

std::size_t part_bytes(const GemmTarget& target, std::int64_t M, std::int64_t N, std::int64_t K) {
  std::int64_t most = config_of(general_main_loop(target.precision), M, N, K).parts;
  if (target.wgmma) most = std::max(most, config_of(MainLoop::wgmma_bf16, M, N, K).parts);
  return most == 1 ? 0 : sizeof(float) * static_cast<std::size_t>(most * M * (N + 1));
}

void gemm_backward_weights_adam(const Describe& describe, const GemmTarget& target, GemmArguments<BFloat16> p,
                                const AdamStore<false>& store, float* diff_bias) {
  const auto diff_dst = target.wgmma ? flatten(p.a, p.K) : std::nullopt,
             src = diff_dst ? flatten(p.b, p.K) : diff_dst;
  if (src && src->has_places_of(*diff_dst)) {
    const AdamStore<true> transposed{store.weights,    store.m,         store.v,    store.working,
                                     store.row_stride, store.constants, store.state};
    const auto config = choose_gemm_config(MainLoop::wgmma_bf16, p.N, p.M, src->rows, false);
    return run_wgmma<Contiguous::mn, Contiguous::mn>(describe, target, *src, *diff_dst, config, transposed,
                                                     diff_bias);
  }
  p.a_sums = diff_bias;
  run_gemm<Contiguous::mn, Contiguous::mn>(
      describe, target.stream, p, choose_gemm_config(MainLoop::mma_bf16, p.M, p.N, p.K, false), store);
}

template <typename T>
void gemm_backward_weights(const Describe& describe, const GemmTarget& target, GemmArguments<T> p,
                           float* parts, const WeightGradient& diff) {
  const std::int64_t M = p.M, N = p.N;
  GemmConfig config = config_of(general_main_loop(target.precision), M, N, p.K);
  std::optional<FlatView> diff_dst, src;
  if constexpr (std::is_same_v<T, BFloat16>) {
    if (target.wgmma) {
      diff_dst = flatten(p.a, p.K);
      src = flatten(p.b, p.K);
      if (diff_dst && src && src->has_places_of(*diff_dst)) {
        config = config_of(MainLoop::wgmma_bf16, M, N, p.K);
        // As many parts, of the rows between items too.
        config.part_length = (src->rows + config.parts - 1) / config.parts;
        config.part_length = (config.part_length + 63) / 64 * 64;
        config.parts = (src->rows + config.part_length - 1) / config.part_length;
      }
    }
  }
  const bool split = config.parts > 1;
  float* const sums = split ? parts + config.parts * M * N : diff.bias;
  float* const dst = split ? parts : diff.weights;
  const std::int64_t part_stride = split ? M * N : 0, row_stride = split ? N : diff.row_stride;
  if (config.main_loop == MainLoop::wgmma_bf16) {
    run_wgmma<Contiguous::mn, Contiguous::mn>(describe, target, *src, *diff_dst, config,
                                              TransposedPartStore{dst, part_stride, row_stride}, sums);
  } else {
    p.a_sums = sums;
    run_gemm<Contiguous::mn, Contiguous::mn>(describe, target.stream, p, config,
                                             PartStore(dst, part_stride, row_stride));
  }
  if (!split) return;
  const auto add = [&](const float* from, std::int64_t rows, std::int64_t length, float* to,
                       std::int64_t to_stride) {
    const dim3 grid(static_cast<unsigned>((length + threads - 1) / threads),
                    static_cast<unsigned>(std::min<std::int64_t>(rows, 65535)));
    launch(describe, target.stream, {grid, dim3(threads)}, add_parts, from, config.parts, rows, length, to,
           to_stride);
  };
  add(parts, M, N, diff.weights, diff.row_stride);
  add(sums, 1, M, diff.bias, M);
}

template void gemm_backward_weights(const Describe&, const GemmTarget&, GemmArguments<float>, float*,
                                    const WeightGradient&);
template void gemm_backward_weights(const Describe&, const GemmTarget&, GemmArguments<BFloat16>, float*,
                                    const WeightGradient&);

}  // namespace bragg::cuda
