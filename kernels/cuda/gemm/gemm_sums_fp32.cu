// Products in fp32 that leave sums of their channels.
#include <algorithm>

#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {
namespace {

/// Of channels that lie `N / channels` times beside each other.
template <Contiguous b_order, typename Base, typename Visit, typename... Source>
ChannelSums run_with_sums(const Describe& describe, const GemmTarget& target, const GemmArguments<float>& p,
                          const Base& base, const Visit& visit, float* pairs, std::int64_t channels,
                          const Source&... source) {
  using Store = TileSumsStore<Base, Visit>;
  const GemmConfig config =
      choose_gemm_config(general_main_loop(target.precision), p.M, p.N, p.K, false, Store::few_tiles);
  run_gemm<Contiguous::k, b_order>(describe, target, p, config, Store(base, visit, pairs, channels),
                                   source...);
  return {pairs, Store::sets(p.M, p.N, channels, config.tile_m), channels};
}

}  // namespace

std::size_t fp32_sum_bytes(std::int64_t M, std::int64_t N) {
  constexpr std::int64_t smallest_tile = 64;
  return ChannelSums{nullptr, (M + smallest_tile - 1) / smallest_tile, N}.bytes();
}

ChannelSums gemm_forward_sums(const Describe& describe, const GemmTarget& target,
                              const GemmArguments<float>& p, const NormalisedRows* of_a,
                              const ForwardStore<float>& store, float* pairs) {
  const std::int64_t channels = store.channels.divisor;
  if (of_a == nullptr)
    return run_with_sums<Contiguous::k>(describe, target, p, store, SumSquares(), pairs, channels);
  return run_with_sums<Contiguous::k>(describe, target, p, store, SumSquares(), pairs, channels,
                                      NormalisedFetch(*of_a, p.a));
}

ChannelSums gemm_backward_data_sums(const Describe& describe, const GemmTarget& target,
                                    const GemmArguments<float>& p, const MatrixView<float>& diff_src,
                                    const ReluGradient& relu, const ConstActivations& norm_src,
                                    const ConstActivations& addend, const float* factor, const float* offset,
                                    float* pairs) {
  const auto of = [](const ConstActivations& a) { return static_cast<const float*>(a.data); };
  const bool adds = addend.data != nullptr;  // before the ReLU
  const SumGradients visit{.norm_src = of(norm_src),
                           .addend = of(addend),
                           .relu_src = adds ? of(relu.src) : nullptr,
                           .norm_src_item_stride = norm_src.item_stride,
                           .addend_item_stride = addend.item_stride,
                           .relu_src_item_stride = relu.src.item_stride,
                           .factor = factor,
                           .offset = offset,
                           .scale = static_cast<float>(1.0 / (1.0 - double{relu.p}))};
  return run_with_sums<Contiguous::mn>(describe, target, p,
                                       BackwardStore<float>(diff_src, adds ? ReluGradient{} : relu), visit,
                                       pairs, norm_src.C);
}

}  // namespace bragg::cuda
