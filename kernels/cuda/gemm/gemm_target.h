// Where matrix products run.
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/gemm/gemm_config.h"

namespace bragg::cuda {

struct GemmTarget {
  cudaStream_t stream = nullptr;
  Precision precision = Precision::fp32;
  /// wgmma may be used; it is where the operands are flat (flat_view.h).
  bool wgmma = false;
  int multiprocessors = 1;
};

}  // namespace bragg::cuda
