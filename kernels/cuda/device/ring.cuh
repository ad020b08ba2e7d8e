// Stages in shared memory that are filled and used in turn.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// A stage of the ring, and how often the ring went round: the parity of the phase that fills the stage.
struct Ring {
  int stage = 0;
  std::uint32_t parity = 0;
  template <int stages>
  __device__ void advance() {
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

}  // namespace bragg::cuda
