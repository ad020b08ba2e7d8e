// The register tiles of the GEMM for bfloat16: a word is a pair along K, whose products AVX512-BF16 adds to a
// float in one instruction. Elsewhere (the tests' build for machines without it) the same in floats; there a
// sum may be rounded otherwise, and numbers below 2^-126, which that instruction takes for 0, count.
#include "kernels/cpu/isa/gemm_tiles.h"
#include "kernels/cpu/isa/pairs.h"

namespace bragg::cpu::BRAGG_ISA {

// The third for 100 columns, the first layer's kernel, and the last for 48 and 96, of which the others would waste a quarter.
const GemmTile<BFloat16> bf16_tiles[bf16_tile_count] = {
    Tile<PairsAlongK, 5, 5>::table(512), Tile<PairsAlongK, 6, 4>::table(512),
    Tile<PairsAlongK, 3, 7>::table(512), Tile<PairsAlongK, 8, 3>::table(512)};

}  // namespace bragg::cpu::BRAGG_ISA
