// Products that leave sums of their columns.
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"
#include "kernels/cuda/gemm/store_octets_sums.cuh"

namespace bragg::cuda {

std::optional<ColumnSums> gemm_forward_sums(const Describe& describe, const GemmTarget& target,
                                            const GemmArguments<BFloat16>& p,
                                            const ForwardStore<BFloat16>& store, float* pairs,
                                            std::int64_t most_sets) {
  const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p);
  if (!flat || draws_of_octets(store) != Draws::none || store.epilogue.relu ||
      store.channels.divisor % 8 != 0 || most_column_sets(flat->a.rows) > most_sets)
    return {};
  const WgmmaConfig config = run_wgmma<Contiguous::k, Contiguous::k>(
      describe, target, flat->a, flat->b, OctetSumsStore(store, pairs, p.N), nullptr);
  return ColumnSums{pairs, config.sets(flat->a.rows), p.N};
}

std::optional<ColumnSums> gemm_backward_data_sums(const Describe& describe, const GemmTarget& target,
                                                  const GemmArguments<BFloat16>& p,
                                                  const BackwardStore<BFloat16>& store,
                                                  const ConstActivations& norm_src,
                                                  const ConstActivations& addend, float* pairs,
                                                  std::int64_t most_sets) {
  const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p);
  if (!flat || !OctetGradientSumsStore::takes(store, norm_src, addend) ||
      most_column_sets(flat->a.rows) > most_sets)
    return {};
  const WgmmaConfig config = run_wgmma<Contiguous::k, Contiguous::k>(
      describe, target, flat->a, flat->b, OctetGradientSumsStore(store, norm_src, addend, pairs, p.N),
      nullptr);
  return ColumnSums{pairs, config.sets(flat->a.rows), p.N};
}

}  // namespace bragg::cuda
