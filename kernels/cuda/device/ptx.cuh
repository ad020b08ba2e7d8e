// Instructions that CUDA C++ has no function for, one wrapper each. Compiled for the host they have the
// semantics that the PTX ISA documents (tests/simt).
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

#include "kernels/base/bfloat16.h"

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

/// 2^x, off by 2^-22 of it at most; 0 where it is below 2^-126.
__device__ inline float exp2_approximate(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return x < -126 ? 0 : std::exp2(x);
#endif
}

/// 1 / x, off by one unit in the last place.
__device__ inline float reciprocal_approximate(float x) {
#ifdef __CUDACC__
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return 1 / x;
#endif
}

/// 1 / sqrt(x), off by 2^-22 of it at most (PTX ISA, rsqrt.approx).
__device__ inline float reciprocal_root_approximate(float x) {
#ifdef __CUDACC__
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return 1 / std::sqrt(x);
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

/// a b, all of it. As a product of 64-bit numbers compilers add zeros to its upper half.
__device__ inline std::uint64_t multiply_wide(std::uint32_t a, std::uint32_t b) {
#ifdef __CUDACC__
  std::uint64_t product;
  asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(a), "r"(b));
  return product;
#else
  return std::uint64_t{a} * b;
#endif
}

/// Two numbers rounded to bfloat16, to nearest even: `low` in the lower half.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
#ifdef __CUDACC__
  std::uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  return to_bfloat16(low).bits | std::uint32_t{to_bfloat16(high).bits} << 16;
#endif
}

/// The same of what is left of them where negative numbers become 0; a NaN stays one.
__device__ inline std::uint32_t pack_relu_bf16(float low, float high) {
#ifdef __CUDACC__
  std::uint32_t bits;
  asm("cvt.rn.relu.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  return pack_bf16(low < 0 ? 0 : low, high < 0 ? 0 : high);
#endif
}

/// All bits of a half where its highest bit is set, none where it is not.
__device__ inline std::uint32_t signs_of_halves(std::uint32_t word) {
#ifdef __CUDACC__
  std::uint32_t mask;
  asm("prmt.b32 %0, %1, %1, 0xBB99;" : "=r"(mask) : "r"(word));
  return mask;
#else
  return (word & 0x8000u ? 0xFFFFu : 0) | (word & 0x80000000u ? 0xFFFF0000u : 0);
#endif
}

/// All bits of a half where its bfloat16 is > 0, none where it is not.
__device__ inline std::uint32_t positive_halves(std::uint32_t word) {
#ifdef __CUDACC__
  std::uint32_t mask;
  asm("set.gt.u32.bf16x2 %0, %1, %2;" : "=r"(mask) : "r"(word), "r"(0));
  return mask;
#else
  const auto positive = [](std::uint32_t bits) { return to_float({static_cast<std::uint16_t>(bits)}) > 0; };
  return (positive(word & 0xFFFFu) ? 0xFFFFu : 0) | (positive(word >> 16) ? 0xFFFF0000u : 0);
#endif
}

/// c (16, 8) += a (16, 16) b (16, 8) by the 32 lanes of a warp, a and b in bfloat16, two to a word. A lane
/// holds (PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type")
///   a[0] (g, 2t..)  a[1] (g + 8, 2t..)  a[2] (g, 2t + 8..)  a[3] (g + 8, 2t + 8..)
///   b[0] (2t.., g)  b[1] (2t + 8.., g)  c as in m16n8k8
__device__ inline void mma_m16n8k16_bf16(float (&c)[4], const std::uint32_t (&a)[4],
                                         const std::uint32_t (&b)[2]) {
#ifdef __CUDACC__
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  simt::mma_m16n8k16_bf16(c, a, b);
#endif
}

/// Of the block's shared memory, as instructions take it.
__device__ inline std::uint32_t shared_address(const void* p) {
#ifdef __CUDACC__
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
#else
  return simt::shared_address(p);
#endif
}

/// Asks for the line of global memory, to lie in the L2 cache when it is read.
__device__ inline void prefetch_l2([[maybe_unused]] const void* address) {
#ifdef __CUDACC__
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
#endif
}

/// Four 8 x 8 matrices of 16-bit numbers from shared memory: lane 8 i + r gives the address of row r of
/// matrix i (16 bytes, aligned). Lane l gets of matrix i the elements (l / 4, 2 (l % 4)..), or with
/// `transposed` (2 (l % 4).., l / 4).
template <bool transposed>
__device__ void load_matrices(std::uint32_t (&d)[4], const void* row) {
#ifdef __CUDACC__
  if constexpr (transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
#else
  simt::load_matrices(d, row, transposed);
#endif
}

/// The other way: lane l gives of matrix i the elements (l / 4, 2 (l % 4)..), and lane 8 i + r says where row r of it goes.
/// sm_90.
__device__ inline void store_matrices(void* row, const std::uint32_t (&d)[4]) {
#ifdef __CUDACC__
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(row)),
               "r"(d[0]), "r"(d[1]), "r"(d[2]), "r"(d[3])
               : "memory");
#else
  simt::store_matrices(row, d);
#endif
}

/// Copies `bytes` (0..16) from global to shared memory, zeros behind them up to 16. Both addresses are
/// multiples of 16. The copy is there for this thread after wait_for_copies, for others after a barrier
/// behind that.
__device__ inline void copy_async(void* shared, const void* global, std::uint32_t bytes) {
#ifdef __CUDACC__
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(bytes)
               : "memory");
#else
  simt::copy_async(shared, global, bytes);
#endif
}
/// Ends a group of copies.
__device__ inline void commit_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  simt::commit_copies();
#endif
}
/// Waits for all groups but the last `pending`.
template <int pending>
__device__ void wait_for_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#else
  simt::wait_for_copies(pending);
#endif
}

}  // namespace bragg::cuda
