#include "kernels/cuda/gemm/forward_parts.cuh"
#include "kernels/cuda/gemm/gemm.h"

namespace bragg::cuda {

template <typename T>
void gemm_forward(const Describe& describe, const GemmTarget& target, const GemmArguments<T>& p,
                  const ForwardStore<T>& store) {
  if constexpr (std::is_same_v<T, BFloat16>)
    if (const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p)) {
      const auto draws = draws_of_octets(store);
      if (draws && *draws != Draws::none) return forward_with_dropout(describe, target, *flat, *draws, store);
      return forward_by_wgmma(describe, target, *flat, store);
    }
  forward_by_rows_of_m(describe, target, p, store);
}

template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                           const ForwardStore<float>&);
template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                           const ForwardStore<BFloat16>&);

}  // namespace bragg::cuda
