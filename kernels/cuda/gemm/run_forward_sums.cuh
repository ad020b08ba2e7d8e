// A forward product that leaves sums of its channels, of an A that is changed on its way or not.
#pragma once

#include <optional>

#include "kernels/cuda/gemm/run_gemm.cuh"
#include "kernels/cuda/gemm/store_octets_sums.cuh"

namespace bragg::cuda {

/// source_of(A as a flat view): what becomes of it (normalised_operand.cuh).
template <typename SourceOf>
std::optional<ChannelSums> run_forward_sums(const Describe& describe, const GemmTarget& target,
                                            const GemmArguments<BFloat16>& p,
                                            const ForwardStore<BFloat16>& store, float* pairs,
                                            const SourceOf& source_of) {
  const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p);
  const std::int64_t channels = store.channels.divisor;
  if (!flat || draws_of_octets(store) != Draws::none || store.epilogue.relu || channels % 8 != 0 ||
      channels > most_summed_channels)
    return {};
  const WgmmaConfig config = run_wgmma<Contiguous::k, Contiguous::k>(describe, target, flat->a, flat->b,
                                                                     OctetSumsStore(store, pairs, channels),
                                                                     nullptr, source_of(flat->a));
  return ChannelSums{pairs, config.blocks, channels};
}

}  // namespace bragg::cuda
