// The register tiles of the GEMM for floats.
#include "kernels/cpu/isa/gemm_tiles.h"

#include "kernels/cpu/isa/gemm_tile.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

struct Floats {
  using Element = float;
  using Words = Vector;

  [[gnu::always_inline]] static Vector multiply_add(Vector sum, Vector factor, Vector panel) {
    return sum + factor * panel;
  }
  [[gnu::always_inline]] static Vector splat(const float* p) { return *p - Vector{}; }
  [[gnu::always_inline]] static Vector words(const float* const* k_rows, std::int64_t at) {
    return load<Vector>(k_rows[0] + at);
  }
};

}  // namespace

#if defined(__AVX512F__) || defined(BRAGG_WIDE_VECTORS)
// The last for 48 and 96 columns, of which the others would waste a quarter.
const GemmTile<float> gemm_tiles[tile_count] = {
    Tile<Floats, 5, 5>::table(256), Tile<Floats, 6, 4>::table(256), Tile<Floats, 8, 3>::table(256)};
#elif defined(__AVX2__)
const GemmTile<float> gemm_tiles[tile_count] = {Tile<Floats, 6, 2>::table(320)};
#else
const GemmTile<float> gemm_tiles[tile_count] = {Tile<Floats, 6, 2>::table(512)};
#endif

}  // namespace bragg::cpu::BRAGG_ISA
