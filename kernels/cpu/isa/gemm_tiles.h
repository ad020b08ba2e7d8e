// The register tiles of the GEMM, for the instruction set this object is compiled for.
#pragma once

#include "kernels/cpu/isa/network_kernels.h"

namespace bragg::cpu::BRAGG_ISA {

#if defined(__AVX512F__) || defined(BRAGG_WIDE_VECTORS)
constexpr int tile_count = 3;
#else
constexpr int tile_count = 1;
#endif
extern const GemmTile<float> gemm_tiles[tile_count];

/// Of vectors of 64 bytes alone.
constexpr int bf16_tile_count = 4;
extern const GemmTile<BFloat16> bf16_tiles[bf16_tile_count];
extern const GemmTile<BFloat16> amx_tiles[amx_tile_count];
extern const WindowProducts window_products;

}  // namespace bragg::cpu::BRAGG_ISA
