// Products that leave sums of their channels.
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"
#include "kernels/cuda/gemm/store_octets_sums.cuh"

namespace bragg::cuda {

std::optional<ChannelSums> gemm_forward_sums(const Describe& describe, const GemmTarget& target,
                                             const GemmArguments<BFloat16>& p,
                                             const ForwardStore<BFloat16>& store, float* pairs) {
  const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p);
  const std::int64_t channels = store.channels.divisor;
  if (!flat || draws_of_octets(store) != Draws::none || store.epilogue.relu || channels % 8 != 0 ||
      channels > most_summed_channels)
    return {};
  const WgmmaConfig config = run_wgmma<Contiguous::k, Contiguous::k>(
      describe, target, flat->a, flat->b, OctetSumsStore(store, pairs, channels), nullptr);
  return ChannelSums{pairs, config.blocks, channels};
}

std::optional<ChannelSums> gemm_backward_data_sums(const Describe& describe, const GemmTarget& target,
                                                   const GemmArguments<BFloat16>& p,
                                                   const BackwardStore<BFloat16>& store,
                                                   const ConstActivations& norm_src,
                                                   const ConstActivations& addend, float* pairs) {
  const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p);
  if (!flat || norm_src.C > most_summed_channels || !OctetGradientSumsStore::takes(store, norm_src, addend))
    return {};
  const WgmmaConfig config = run_wgmma<Contiguous::k, Contiguous::k>(
      describe, target, flat->a, flat->b, OctetGradientSumsStore(store, norm_src, addend, pairs, norm_src.C),
      nullptr);
  return ChannelSums{pairs, config.blocks, norm_src.C};
}

}  // namespace bragg::cuda
