// The dynamic shared memory of a block.
#pragma once

#include <cuda_runtime.h>

namespace bragg::cuda {

template <typename T>
__device__ T* shared_memory() {
#ifdef __CUDACC__
  extern __shared__ __align__(1024) unsigned char memory[];
  return reinterpret_cast<T*>(memory);
#else
  return reinterpret_cast<T*>(simt::shared_memory());
#endif
}

}  // namespace bragg::cuda
