// Instructions that CUDA C++ has no function for, one wrapper each. Compiled for the host they have the
// semantics that the PTX ISA documents (tests/simt).
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// Rounded to tf32: 10 bits of mantissa, to nearest, ties away from zero.
__device__ inline std::uint32_t to_tf32(float x) {
#ifdef __CUDACC__
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#else
  return simt::to_tf32(x);
#endif
}

/// c (16, 8) += a (16, 8) b (8, 8) by the 32 lanes of a warp, a and b in tf32. With g = lane / 4, t = lane %
/// 4 a lane holds (PTX ISA, "Matrix fragments for mma.m16n8k8" with .tf32)
///   a[0] (g, t)   a[1] (g + 8, t)   a[2] (g, t + 4)   a[3] (g + 8, t + 4)
///   b[0] (t, g)   b[1] (t + 4, g)
///   c[0] (g, 2t)  c[1] (g, 2t + 1)  c[2] (g + 8, 2t)  c[3] (g + 8, 2t + 1)
__device__ inline void mma_m16n8k8_tf32(float (&c)[4], const std::uint32_t (&a)[4],
                                        const std::uint32_t (&b)[2]) {
#ifdef __CUDACC__
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, "
      "%1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  simt::mma_m16n8k8_tf32(c, a, b);
#endif
}

}  // namespace bragg::cuda
