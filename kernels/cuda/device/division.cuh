// Division of row numbers by a constant of the launch: a multiplication and a shift in place of some 20
// instructions (Granlund & Montgomery, PLDI 1994).
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// n / divisor for n < 2^31, divisor >= 1. With 2^shift < divisor <= 2^(shift + 1) the multiplier
/// ceil(2^(32 + shift) / divisor) is off by less than divisor / 2^(32 + shift), which n < 2^31 cannot turn
/// into 1.
struct Division {
  std::uint32_t divisor = 1, multiplier = 0, shift = 0;

  Division() = default;
  explicit Division(std::int64_t by) : divisor(static_cast<std::uint32_t>(by)) {
    if (divisor == 1) return;
    while ((std::uint64_t{2} << shift) < divisor)
      ++shift;
    multiplier = static_cast<std::uint32_t>(((std::uint64_t{1} << (32 + shift)) + divisor - 1) / divisor);
  }

  __device__ std::uint32_t quotient(std::uint32_t n) const {
    return divisor == 1 ? n : static_cast<std::uint32_t>(std::uint64_t{n} * multiplier >> 32) >> shift;
  }
};

}  // namespace bragg::cuda
