// Products whose operand A is normalised on its way.
#include "kernels/cuda/gemm/flat_operands.h"
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_forward_sums.cuh"

namespace bragg::cuda {

std::optional<ChannelSums> gemm_forward_sums(const Describe& describe, const GemmTarget& target,
                                             const GemmArguments<BFloat16>& p, const NormalisedRows& of_a,
                                             const ForwardStore<BFloat16>& store, float* pairs) {
  return run_forward_sums(describe, target, p, store, pairs,
                          [&](const FlatView& a) { return Normalised(of_a, a); });
}

bool gemm_normalised_backward_weights(const Describe& describe, const GemmTarget& target,
                                      const GemmArguments<BFloat16>& p, const NormalisedRows& of_b,
                                      const WeightGradient& diff) {
  const auto flat = flat_operands(target, p);
  if (!flat) return false;
  // As in gemm_backward_weights.cu the many columns of the gradient are rows of the product.
  run_wgmma<Contiguous::mn, Contiguous::mn>(describe, target, flat->src, flat->diff_dst,
                                            TransposedStore{diff.weights, diff.row_stride}, diff.bias,
                                            Normalised(of_b, flat->src));
  return true;
}

}  // namespace bragg::cuda
