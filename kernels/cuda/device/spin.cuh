// Loops that wait for what another thread will do.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// for (Spin spin; !done(); spin.turn()) {}
/// In a debug build (without NDEBUG) a loop that has turned for ten seconds stops its kernel: the next call
/// fails, and the device is not lost to the process. A release build turns for ever and costs nothing.
class Spin {
 public:
  __device__ void turn() {
#if defined(__CUDACC__) && !defined(NDEBUG)
    constexpr std::uint64_t longest_ns = 10'000'000'000;
    std::uint64_t now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    if (begin_ == 0) begin_ = now;
    if (now - begin_ > longest_ns) __trap();
#endif
  }

 private:
#if defined(__CUDACC__) && !defined(NDEBUG)
  std::uint64_t begin_ = 0;
#endif
};

}  // namespace bragg::cuda
