#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"
#include "kernels/cuda/gemm/store_gradient_octets.cuh"

namespace bragg::cuda {

template <typename T>
void gemm_backward_data(const Describe& describe, const GemmTarget& target, const GemmArguments<T>& p,
                        const BackwardStore<T>& store) {
  if constexpr (std::is_same_v<T, BFloat16>)
    if (const auto flat = flat_by_rows_of_m<Contiguous::mn>(target, p)) {
      const auto run = [&](const auto& chosen) {
        run_wgmma<Contiguous::k, Contiguous::mn>(describe, target, flat->a, flat->b, chosen, nullptr);
      };
      return fits_octets(store) ? run(OctetBackwardStore<false>(store)) : run(store);
    }
  run_by_rows_of_m<Contiguous::mn>(describe, target, p, store);
}

bool takes_rows_of_n(const GemmTarget& target, const GemmArguments<BFloat16>& p,
                     const BackwardStore<BFloat16>& store) {
  return fits_octets(store) && flat_by_rows_of_m<Contiguous::k>(target, p);
}

void gemm_backward_data_by_rows_of_n(const Describe& describe, const GemmTarget& target,
                                     const GemmArguments<BFloat16>& p, const BackwardStore<BFloat16>& store) {
  const auto flat = flat_by_rows_of_m<Contiguous::k>(target, p).value();
  run_wgmma<Contiguous::k, Contiguous::k>(describe, target, flat.a, flat.b, OctetBackwardStore<true>(store),
                                          nullptr);
}

template void gemm_backward_data(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                                 const BackwardStore<float>&);
template void gemm_backward_data(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                                 const BackwardStore<BFloat16>&);

}  // namespace bragg::cuda
