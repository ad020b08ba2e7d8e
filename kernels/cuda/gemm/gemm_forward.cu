#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {

template <typename T>
void gemm_forward(const Describe& describe, cudaStream_t stream, Precision precision,
                  const GemmArguments<T>& p, const ForwardStore<T>& store) {
  run_gemm<Contiguous::k, Contiguous::k>(describe, stream, p,
                                         choose_gemm_config(precision, p.M, p.N, p.K, false), store);
}

template void gemm_forward(const Describe&, cudaStream_t, Precision, const GemmArguments<float>&,
                           const ForwardStore<float>&);
template void gemm_forward(const Describe&, cudaStream_t, Precision, const GemmArguments<BFloat16>&,
                           const ForwardStore<BFloat16>&);

}  // namespace bragg::cuda
