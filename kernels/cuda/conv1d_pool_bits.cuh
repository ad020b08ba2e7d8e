// KeptBits (kernels/ops/epilogue.h) of what the lanes of a quad have of four outputs: each two channels of four groups of 8.
#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace bragg::cuda {

/// Where a lane notes what it has of four neighbouring outputs: group j of output o at bit 8 (j % 2) + 2 o + j / 2 of either half, a
/// channel to a half.
__device__ constexpr std::uint32_t noted(int output, int j) {
  return 0x10001u << (8 * (j % 2) + 2 * output + j / 2);
}
/// Which half, that is which channel of two, and j / 2 change places: what lane s noted of group j of an output goes to bits 8 j + 2 s
/// and the next, if bits 2 and 1 of its place say s.
__device__ inline std::uint32_t by_channels(std::uint32_t word) {
  constexpr std::uint32_t lower = 0x0000AAAAu;
  const std::uint32_t both = (word >> 15 ^ word) & lower;
  return word ^ both ^ both << 15;
}
/// Of the outputs whose bit `distance` differs from the lane's, the lane that far away gets them for those that it does not want.
__device__ inline std::uint32_t exchange_outputs(std::uint32_t word, int distance) {
  const std::uint32_t got = __shfl_xor_sync(0xFFFFFFFFu, word, distance);
  const bool upper = (threadIdx.x & static_cast<unsigned>(distance)) != 0;
  const std::uint32_t bits = distance == 2 ? 0x0F0F0F0Fu : 0x33333333u, mine = upper ? ~bits : bits;
  const int turn = 2 * distance;
  const std::uint32_t turned = upper ? got >> turn : got << turn;
  return (word & mine) | (turned & ~mine);
}

}  // namespace bragg::cuda
