// What sm_90 added, on the host: barriers that count bytes, TMA boxes, products of a warpgroup. All of it is
// asynchronous on the device, and here as late as a program may see it: a box is poisoned with NaNs when it
// is asked for and arrives when somebody waits for its barrier; products read their operands when they are
// waited for. A thread that does not wait, or overwrites too early, computes NaNs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/simt/include/cuda.h"
#include "tests/simt/mbarrier.h"

namespace simt {

/// As the instructions of the same name in kernels/cuda/device/tma.cuh and wgmma.cuh.
void wait_for(std::uint64_t* barrier, std::uint32_t parity);
void copy_box(void* shared, const CUtensorMap* map, std::int32_t x, std::int32_t y, std::uint64_t* barrier);
void copy_box_to_both(void* shared, const CUtensorMap* map, std::int32_t x, std::int32_t y,
                      std::uint64_t* barrier);
void arrive_in_block(std::uint64_t* barrier, std::uint32_t rank);

/// `d`: the N / 2 elements of this thread.
void wgmma_m64k16(float* d, int N, std::uint64_t a, std::uint64_t b, bool a_mn, bool b_mn, bool accumulate);
/// How often since the program began, by any thread.
std::uint64_t wgmma_count();
void wgmma_commit();
void wgmma_wait(unsigned pending);

/// Where byte `address` of shared memory lies under the 128-byte swizzle.
constexpr std::uint32_t swizzled(std::uint32_t address) {
  return address ^ (address >> 7 & 7) << 4;
}

}  // namespace simt
