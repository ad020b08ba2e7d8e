#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {

template <typename T>
void gemm_backward_data(const Describe& describe, const GemmTarget& target, const GemmArguments<T>& p,
                        const BackwardStore<T>& store) {
  run_by_rows_of_m<Contiguous::mn>(describe, target, p, store);
}

template void gemm_backward_data(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                                 const BackwardStore<float>&);
template void gemm_backward_data(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                                 const BackwardStore<BFloat16>&);

}  // namespace bragg::cuda
