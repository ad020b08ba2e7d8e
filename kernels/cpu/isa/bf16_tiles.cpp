// The register tiles of the GEMM for bfloat16: a word is a pair along K, whose products AVX512-BF16 adds to a
// float in one instruction. Elsewhere (the tests' build for machines without it) the same in floats; there a
// sum may be rounded otherwise, and numbers below 2^-126, which that instruction takes for 0, count.
#include "kernels/cpu/isa/gemm_tile.h"
#include "kernels/cpu/isa/gemm_tiles.h"
#include "kernels/cpu/isa/intrinsics.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

typedef std::uint32_t Pairs __attribute__((vector_size(vector_bytes), may_alias));
typedef std::uint16_t Halves __attribute__((vector_size(vector_bytes / 2)));

struct PairsAlongK {
  using Element = BFloat16;
  using Words = Pairs;

  [[gnu::always_inline]] static Vector multiply_add(Vector sum, Pairs factor, Pairs panel) {
#if defined(__AVX512BF16__)
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)factor, (__m512bh)panel);
#else
    sum += (Vector)(factor & 0xFFFF0000u) * (Vector)(panel & 0xFFFF0000u);
    return sum + (Vector)(factor << 16) * (Vector)(panel << 16);
#endif
  }
  [[gnu::always_inline]] static Pairs splat(const BFloat16* p) {
    std::uint32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return Pairs{} + pair;
  }
  [[gnu::always_inline]] static Pairs splat_last(const BFloat16* p) {
    return Pairs{} + std::uint32_t{p->bits};
  }

  [[gnu::always_inline]] static Pairs half_of(const BFloat16* row) {
    return __builtin_convertvector(load<Halves>(row), Pairs);
  }
  [[gnu::always_inline]] static Pairs words(const BFloat16* const* k_rows, std::int64_t at) {
    const Pairs first = half_of(k_rows[0] + at);
    return k_rows[1] == nullptr ? first : first | half_of(k_rows[1] + at) << 16;
  }
};

}  // namespace

// The last for 100 columns, the first layer's kernel, of which the others would waste a quarter.
const GemmTile<BFloat16> bf16_tiles[bf16_tile_count] = {Tile<PairsAlongK, 5, 5>::table(512),
                                                        Tile<PairsAlongK, 6, 4>::table(512),
                                                        Tile<PairsAlongK, 3, 7>::table(512)};

}  // namespace bragg::cpu::BRAGG_ISA
