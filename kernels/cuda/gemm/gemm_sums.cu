// Products that leave sums of their channels.
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_forward_sums.cuh"

namespace bragg::cuda {

std::optional<ChannelSums> gemm_forward_sums(const Describe& describe, const GemmTarget& target,
                                             const GemmArguments<BFloat16>& p,
                                             const ForwardStore<BFloat16>& store, float* pairs) {
  return run_forward_sums(describe, target, p, store, pairs, [](const FlatView&) { return AsItArrives(); });
}

std::optional<ChannelSums> gemm_backward_data_sums(const Describe& describe, const GemmTarget& target,
                                                   const GemmArguments<BFloat16>& p,
                                                   const BackwardStore<BFloat16>& store,
                                                   const ConstActivations& norm_src,
                                                   const ConstActivations& addend, const float* factor,
                                                   const float* offset, float* pairs) {
  const auto run = [&]<bool made_again>() -> std::optional<ChannelSums> {
    using Store = OctetGradientSumsStore<made_again>;
    const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p);
    if (!flat || norm_src.C > most_summed_channels || !Store::takes(store, norm_src, addend)) return {};
    const WgmmaConfig config = run_wgmma<Contiguous::k, Contiguous::k>(
        describe, target, flat->a, flat->b, Store(store, norm_src, addend, factor, offset, pairs, norm_src.C),
        nullptr);
    return ChannelSums{pairs, config.blocks, norm_src.C};
  };
  return factor != nullptr ? run.template operator()<true>() : run.template operator()<false>();
}

}  // namespace bragg::cuda
