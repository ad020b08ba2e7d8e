// Kernels that start while the one before them still ends (programmatic dependent launch, sm_90 and later): a step is some
// thirty of them, and what lies between two is a launch's own time otherwise.
#pragma once

#include <cuda_runtime.h>

namespace bragg::cuda {

/// The first thing that every thread of a kernel does that launch() starts, before it reads or writes what is not its
/// block's: what was enqueued before has ended, and its writes are seen. Then the next kernel may come in.
__device__ inline void wait_for_previous_kernel() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#elif !defined(__CUDACC__)
  simt::wait_for_previous_kernel();
#endif
}

}  // namespace bragg::cuda
