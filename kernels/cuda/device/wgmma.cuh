// Products of a warpgroup (128 threads) from shared memory, asynchronously: sm_90a alone. The PTX ISA's
// "Asynchronous warpgroup level matrix instructions"; compiled for the host they have its semantics
// (tests/simt).
#pragma once

#include <cstdint>

#include "kernels/cuda/device/ptx.cuh"

namespace bragg::cuda {

/// Operands lie in shared memory as TMA writes boxes of 64 bfloat16 (128 bytes) with the 128-byte swizzle, at
/// multiples of 1024 bytes:
///   by rows of k (K-major)    8 rows of m are 1024 bytes, the next 8 follow; a step of 16 k is 32 bytes
///   by rows of mn (MN-major)  8 rows of k are 1024 bytes, the next 8 follow; a box further on, the next 64
///   mn
/// The descriptor: start, leading and stride byte offset in units of 16 bytes at bits 0, 16, 32; 128-byte
/// swizzle at bit 62.
__device__ constexpr std::uint64_t wgmma_descriptor(std::uint32_t shared_address, std::uint32_t box_bytes) {
  constexpr std::uint64_t eight_rows = 1024;
  return std::uint64_t{(shared_address & 0x3FFFFu) >> 4} | std::uint64_t{box_bytes >> 4} << 16 |
         (eight_rows >> 4) << 32 | std::uint64_t{1} << 62;
}

/// Registers written before are seen by the products after.
__device__ inline void wgmma_fence() {
#ifdef __CUDACC__
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
/// Ends a group of products.
__device__ inline void wgmma_commit() {
#ifdef __CUDACC__
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#else
  simt::wgmma_commit();
#endif
}
/// Waits for all groups but the last `pending`: their operands may be overwritten, their sums be read.
template <int pending>
__device__ void wgmma_wait() {
#ifdef __CUDACC__
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
#else
  simt::wgmma_wait(pending);
#endif
}

#ifdef __CUDACC__
#define BRAGG_D8(d, i)                                                                        \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
// clang-format off
#define BRAGG_R0 "%0, %1, %2, %3, %4, %5, %6, %7"
#define BRAGG_R8 "%8, %9, %10, %11, %12, %13, %14, %15"
#define BRAGG_R16 "%16, %17, %18, %19, %20, %21, %22, %23"
#define BRAGG_R24 "%24, %25, %26, %27, %28, %29, %30, %31"
#define BRAGG_R32 "%32, %33, %34, %35, %36, %37, %38, %39"
#define BRAGG_R40 "%40, %41, %42, %43, %44, %45, %46, %47"
#define BRAGG_R48 "%48, %49, %50, %51, %52, %53, %54, %55"
#define BRAGG_R56 "%56, %57, %58, %59, %60, %61, %62, %63"
#define BRAGG_R64 "%64, %65, %66, %67, %68, %69, %70, %71"
#define BRAGG_R72 "%72, %73, %74, %75, %76, %77, %78, %79"
// clang-format on
#endif

/// d (64, N) (+)= a (64, 16) b (16, N). `a_mn`, `b_mn`: the operand lies by rows of mn. With g = lane / 4, t
/// = lane % 4, a thread of warp w holds d[4 j + 2 h + e] = element (16 w + g + 8 h, 8 j + 2 t + e).
template <int N, bool a_mn, bool b_mn>
__device__ void wgmma_m64k16(float (&d)[N / 2], std::uint64_t a, std::uint64_t b, bool accumulate) {
  static_assert(N == 32 || N == 80 || N == 128 || N == 136 || N == 144 || N == 160);
#ifdef __CUDACC__
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  if constexpr (N == 32) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %18, 0; "
        "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {" BRAGG_R0 ", " BRAGG_R8
        "}, %16, %17, p, 1, 1, %19, %20;}"
        : BRAGG_D8(d, 0), BRAGG_D8(d, 8)
        : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)), "n"(static_cast<int>(a_mn)),
          "n"(static_cast<int>(b_mn)));
  } else if constexpr (N == 80) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %42, 0; "
        "wgmma.mma_async.sync.aligned.m64n80k16.f32.bf16.bf16 {" BRAGG_R0 ", " BRAGG_R8 ", " BRAGG_R16
        ", " BRAGG_R24 ", " BRAGG_R32 "}, %40, %41, p, 1, 1, %43, %44;}"
        : BRAGG_D8(d, 0), BRAGG_D8(d, 8), BRAGG_D8(d, 16), BRAGG_D8(d, 24), BRAGG_D8(d, 32)
        : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)), "n"(static_cast<int>(a_mn)),
          "n"(static_cast<int>(b_mn)));
  } else if constexpr (N == 128) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %66, 0; "
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" BRAGG_R0 ", " BRAGG_R8 ", " BRAGG_R16
        ", " BRAGG_R24 ", " BRAGG_R32 ", " BRAGG_R40 ", " BRAGG_R48 ", " BRAGG_R56
        "}, %64, %65, p, 1, 1, %67, %68;}"
        : BRAGG_D8(d, 0), BRAGG_D8(d, 8), BRAGG_D8(d, 16), BRAGG_D8(d, 24), BRAGG_D8(d, 32), BRAGG_D8(d, 40),
          BRAGG_D8(d, 48), BRAGG_D8(d, 56)
        : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)), "n"(static_cast<int>(a_mn)),
          "n"(static_cast<int>(b_mn)));
  } else if constexpr (N == 136) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %70, 0; "
        "wgmma.mma_async.sync.aligned.m64n136k16.f32.bf16.bf16 {" BRAGG_R0 ", " BRAGG_R8 ", " BRAGG_R16
        ", " BRAGG_R24 ", " BRAGG_R32 ", " BRAGG_R40 ", " BRAGG_R48 ", " BRAGG_R56
        ", %64, %65, %66, %67}, %68, %69, p, 1, 1, %71, %72;}"
        : BRAGG_D8(d, 0), BRAGG_D8(d, 8), BRAGG_D8(d, 16), BRAGG_D8(d, 24), BRAGG_D8(d, 32), BRAGG_D8(d, 40),
          BRAGG_D8(d, 48), BRAGG_D8(d, 56), "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67])
        : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)), "n"(static_cast<int>(a_mn)),
          "n"(static_cast<int>(b_mn)));
  } else if constexpr (N == 144) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %74, 0; "
        "wgmma.mma_async.sync.aligned.m64n144k16.f32.bf16.bf16 {" BRAGG_R0 ", " BRAGG_R8 ", " BRAGG_R16
        ", " BRAGG_R24 ", " BRAGG_R32 ", " BRAGG_R40 ", " BRAGG_R48 ", " BRAGG_R56 ", " BRAGG_R64
        "}, %72, %73, p, 1, 1, %75, %76;}"
        : BRAGG_D8(d, 0), BRAGG_D8(d, 8), BRAGG_D8(d, 16), BRAGG_D8(d, 24), BRAGG_D8(d, 32), BRAGG_D8(d, 40),
          BRAGG_D8(d, 48), BRAGG_D8(d, 56), BRAGG_D8(d, 64)
        : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)), "n"(static_cast<int>(a_mn)),
          "n"(static_cast<int>(b_mn)));
  } else if constexpr (N == 160) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %82, 0; "
        "wgmma.mma_async.sync.aligned.m64n160k16.f32.bf16.bf16 {" BRAGG_R0 ", " BRAGG_R8 ", " BRAGG_R16
        ", " BRAGG_R24 ", " BRAGG_R32 ", " BRAGG_R40 ", " BRAGG_R48 ", " BRAGG_R56 ", " BRAGG_R64
        ", " BRAGG_R72 "}, %80, %81, p, 1, 1, %83, %84;}"
        : BRAGG_D8(d, 0), BRAGG_D8(d, 8), BRAGG_D8(d, 16), BRAGG_D8(d, 24), BRAGG_D8(d, 32), BRAGG_D8(d, 40),
          BRAGG_D8(d, 48), BRAGG_D8(d, 56), BRAGG_D8(d, 64), BRAGG_D8(d, 72)
        : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)), "n"(static_cast<int>(a_mn)),
          "n"(static_cast<int>(b_mn)));
  }
#endif
#else
  simt::wgmma_m64k16(d, N, a, b, a_mn, b_mn, accumulate);
#endif
}

#ifdef __CUDACC__
#undef BRAGG_D8
#undef BRAGG_R0
#undef BRAGG_R8
#undef BRAGG_R16
#undef BRAGG_R24
#undef BRAGG_R32
#undef BRAGG_R40
#undef BRAGG_R48
#undef BRAGG_R56
#undef BRAGG_R64
#undef BRAGG_R72
#endif

/// Gives registers of this warpgroup back, or asks for more.
template <int count>
__device__ void release_registers() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
#endif
}
template <int count>
__device__ void request_registers() {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count));
#endif
}

}  // namespace bragg::cuda
