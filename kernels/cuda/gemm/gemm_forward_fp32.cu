#include "kernels/cuda/gemm/forward_parts.cuh"

namespace bragg::cuda {

void forward_by_rows_of_m(const Describe& describe, const GemmTarget& target, const GemmArguments<float>& p,
                          const ForwardStore<float>& store) {
  run_by_rows_of_m<Contiguous::k>(describe, target, p, store);
}

}  // namespace bragg::cuda
