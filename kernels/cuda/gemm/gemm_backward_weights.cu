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

GemmConfig config_of(MainLoop main_loop, std::int64_t M, std::int64_t N, std::int64_t K, bool may_split) {
  // wgmma multiplies 128 rows at a time: the many columns of the gradient, not the few rows.
  return main_loop == MainLoop::wgmma_bf16 ? choose_gemm_config(main_loop, N, M, K, may_split)
                                           : choose_gemm_config(main_loop, M, N, K, may_split);
}

/// The operands where wgmma takes them: both flat, with rows k at the same places.
struct FlatOperands {
  FlatView diff_dst, src;
};
template <typename T>
std::optional<FlatOperands> flat_operands(const GemmTarget& target, const GemmArguments<T>& p) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    const auto diff_dst = target.wgmma ? flatten(p.a, p.K) : std::nullopt;
    const auto src = diff_dst ? flatten(p.b, p.K) : std::nullopt;
    if (src && src->has_places_of(*diff_dst)) return FlatOperands{*diff_dst, *src};
  }
  return std::nullopt;
}

}  // namespace

std::size_t part_bytes(const GemmTarget& target, std::int64_t M, std::int64_t N, std::int64_t K) {
  std::int64_t most = config_of(general_main_loop(target.precision), M, N, K, true).parts;
  if (target.wgmma) most = std::max(most, config_of(MainLoop::wgmma_bf16, M, N, K, true).parts);
  return most == 1 ? 0 : sizeof(float) * static_cast<std::size_t>(most * M * (N + 1));
}

void gemm_backward_weights_adam(const Describe& describe, const GemmTarget& target, GemmArguments<BFloat16> p,
                                const AdamStore<false>& store, float* diff_bias) {
  if (const auto flat = flat_operands(target, p)) {
    const AdamStore<true> transposed{store.weights,    store.m,         store.v,    store.working,
                                     store.row_stride, store.constants, store.state};
    const auto config = config_of(MainLoop::wgmma_bf16, p.M, p.N, flat->src.rows, false);
    return run_wgmma<Contiguous::mn, Contiguous::mn>(describe, target, flat->src, flat->diff_dst, config,
                                                     transposed, diff_bias);
  }
  p.a_sums = diff_bias;
  run_gemm<Contiguous::mn, Contiguous::mn>(describe, target.stream, p,
                                           config_of(MainLoop::mma_bf16, p.M, p.N, p.K, false), store);
}

template <typename T>
void gemm_backward_weights(const Describe& describe, const GemmTarget& target, GemmArguments<T> p,
                           float* parts, const WeightGradient& diff) {
  const std::int64_t M = p.M, N = p.N;
  const auto flat = flat_operands(target, p);
  GemmConfig config =
      config_of(flat ? MainLoop::wgmma_bf16 : general_main_loop(target.precision), M, N, p.K, true);
  if (flat) config = cut(config, flat->src.rows);  // as many parts, of the rows between items too
  const bool split = config.parts > 1;
  float* const sums = split ? parts + config.parts * M * N : diff.bias;
  float* const dst = split ? parts : diff.weights;
  const std::int64_t part_stride = split ? M * N : 0, row_stride = split ? N : diff.row_stride;
  if (flat) {
    run_wgmma<Contiguous::mn, Contiguous::mn>(describe, target, flat->src, flat->diff_dst, config,
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
