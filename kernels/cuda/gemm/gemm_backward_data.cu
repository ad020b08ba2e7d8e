#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {

template <typename T>
void gemm_backward_data(const Describe& describe, cudaStream_t stream, Precision precision,
                        const GemmArguments<T>& p, const BackwardStore<T>& store) {
  run_gemm<Contiguous::k, Contiguous::mn>(describe, stream, p,
                                          choose_gemm_config(precision, p.M, p.N, p.K, false), store);
}

template void gemm_backward_data(const Describe&, cudaStream_t, Precision, const GemmArguments<float>&,
                                 const BackwardStore<float>&);
template void gemm_backward_data(const Describe&, cudaStream_t, Precision, const GemmArguments<BFloat16>&,
                                 const BackwardStore<BFloat16>&);

}  // namespace bragg::cuda
