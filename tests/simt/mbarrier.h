// The books of barriers in shared memory. Compiled without ThreadSanitizer, which is told what they order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

struct CUtensorMap;

namespace simt {

/// A copy on its way to shared memory.
struct Box {
  std::byte* shared;
  const CUtensorMap* map;
  std::int32_t x, y;
};

/// As the instructions of the same name in kernels/cuda/device/tma.cuh.
void init_barrier(std::uint64_t* barrier, std::uint32_t arrivals);
void arrive(std::uint64_t* barrier, std::uint32_t expected_bytes);
/// The bytes count as arrived; the box is written by who waits for them first.
void bring(std::uint64_t* barrier, const Box&, std::uint32_t bytes);
/// Returns the boxes that nobody has written yet.
std::vector<Box> wait_for_phase(std::uint64_t* barrier, std::uint32_t parity);

}  // namespace simt
