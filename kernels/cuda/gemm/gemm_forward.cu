#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {

template <typename T>
void gemm_forward(const Describe& describe, const GemmTarget& target, const GemmArguments<T>& p,
                  const ForwardStore<T>& store) {
  run_by_rows_of_m<Contiguous::k>(describe, target, p, store);
}

template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                           const ForwardStore<float>&);
template void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                           const ForwardStore<BFloat16>&);

}  // namespace bragg::cuda
