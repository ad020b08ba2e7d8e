// What the copying and multiplying hardware sees of shared memory.
#pragma once

#include <cuda_runtime.h>

namespace bragg::cuda {

/// What this thread has written to shared memory before is seen by products that begin after a barrier behind this.
__device__ inline void fence_async_proxy() {
#ifdef __CUDACC__
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

}  // namespace bragg::cuda
