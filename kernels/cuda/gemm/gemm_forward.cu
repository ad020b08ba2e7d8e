#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"

namespace bragg::cuda {

void gemm_forward(const Describe& describe, cudaStream_t stream, Precision precision, const GemmArguments& p,
                  const ForwardStore& store) {
  run_gemm<Contiguous::k, Contiguous::k>(describe, stream, p,
                                         choose_gemm_config(precision, p.M, p.N, p.K, false), store);
}

}  // namespace bragg::cuda
