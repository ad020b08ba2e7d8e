// The register tiles of the GEMM, for the instruction set this object is compiled for.
#pragma once

#include "kernels/cpu/isa/network_kernels.h"

namespace bragg::cpu::BRAGG_ISA {

#if defined(__AVX512F__) || defined(BRAGG_WIDE_VECTORS)
constexpr int tile_count = 2;
#else
constexpr int tile_count = 1;
#endif
extern const GemmTile gemm_tiles[tile_count];

}  // namespace bragg::cpu::BRAGG_ISA
