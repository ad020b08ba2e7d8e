// Barriers in shared memory that count arrivals and bytes, and boxes of a tensor that the hardware copies to
// shared memory (TMA): sm_90 and later. Compiled for the host they have the semantics of the PTX ISA
// (tests/simt).
#pragma once

#include <cstdint>

#include <cuda.h>

#include "kernels/cuda/device/ptx.cuh"
#include "kernels/cuda/device/spin.cuh"

namespace bragg::cuda {

using SharedBarrier = std::uint64_t;

/// A phase ends after `arrivals`, and after the bytes that they announced.
__device__ inline void init_barrier(SharedBarrier* barrier, std::uint32_t arrivals) {
#ifdef __CUDACC__
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals)
               : "memory");
#else
  simt::init_barrier(barrier, arrivals);
#endif
}
/// Initialised barriers are seen by the copying hardware.
__device__ inline void fence_barrier_init() {
#ifdef __CUDACC__
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}
__device__ inline void arrive(SharedBarrier* barrier) {
#ifdef __CUDACC__
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
#else
  simt::arrive(barrier, 0);
#endif
}
/// Arrives at the barrier that lies at the same place in block `rank` of the cluster, which may be this one.
__device__ inline void arrive_in_block(SharedBarrier* barrier, std::uint32_t rank) {
#ifdef __CUDACC__
  asm volatile(
      "{.reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];}" ::"r"(shared_address(barrier)),
      "r"(rank)
      : "memory");
#else
  simt::arrive_in_block(barrier, rank);
#endif
}
/// Arrives and announces bytes that copies will bring.
__device__ inline void arrive_expecting(SharedBarrier* barrier, std::uint32_t bytes) {
#ifdef __CUDACC__
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(bytes)
               : "memory");
#else
  simt::arrive(barrier, bytes);
#endif
}
#if defined(__CUDACC__) && !defined(NDEBUG)
__device__ inline bool has_ended(SharedBarrier* barrier, std::uint32_t parity) {
  std::uint32_t ended;
  asm volatile(
      "{.reg .pred done;\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%1], %2;\n"
      "selp.u32 %0, 1, 0, done;}"
      : "=r"(ended)
      : "r"(shared_address(barrier)), "r"(parity)
      : "memory");
  return ended != 0;
}
#endif
/// Waits for the end of the phase of this parity: 0 for the first, 1 for the second, 0 for the third ...
__device__ inline void wait_for(SharedBarrier* barrier, std::uint32_t parity) {
#ifndef __CUDACC__
  simt::wait_for(barrier, parity);
#elif defined(NDEBUG)
  asm volatile(
      "{.reg .pred done;\n"
      "again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;}" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
#else
  for (Spin spin; !has_ended(barrier, parity); spin.turn()) {
  }
#endif
}

/// Copies the box at (x, y) of a map of two dimensions; zeros for what lies outside the tensor. `barrier`
/// gets the bytes.
__device__ inline void copy_box(void* shared, const CUtensorMap* map, std::int32_t x, std::int32_t y,
                                SharedBarrier* barrier) {
#ifdef __CUDACC__
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
      "%3}], "
      "[%4];" ::"r"(shared_address(shared)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(x), "r"(y), "r"(shared_address(barrier))
      : "memory");
#else
  simt::copy_box(shared, map, x, y, barrier);
#endif
}

/// The same to that place in both blocks of a cluster of two, each of whose barriers there gets the bytes: read once, from the L2
/// cache.
__device__ inline void copy_box_to_both(void* shared, const CUtensorMap* map, std::int32_t x, std::int32_t y,
                                        SharedBarrier* barrier) {
#ifdef __CUDACC__
  constexpr std::uint16_t both = 3;
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, "
      "{%2, %3}], [%4], %5;" ::"r"(shared_address(shared)),
      "l"(reinterpret_cast<std::uint64_t>(map)), "r"(x), "r"(y), "r"(shared_address(barrier)), "h"(both)
      : "memory");
#else
  simt::copy_box_to_both(shared, map, x, y, barrier);
#endif
}

/// As __syncthreads of all threads of the cluster's blocks. Before a block writes to another's shared memory that has to have begun,
/// and it may not end before others have done so to its own.
__device__ inline void cluster_barrier() {
#ifdef __CUDACC__
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
#else
  simt::cluster_barrier();
#endif
}

}  // namespace bragg::cuda
