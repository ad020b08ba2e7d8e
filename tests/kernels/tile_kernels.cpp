#include "tests/kernels/tile_kernels.h"

#include "kernels/cpu/instruction_set.h"

namespace bragg::cpu::wide {
extern const GemmTile<float> gemm_tiles[2];
extern const ElementKernels<BFloat16> bf16_kernels;
extern const GemmTile<BFloat16> amx_tiles[amx_tile_count];
extern const WindowProducts window_products;
}  // namespace bragg::cpu::wide

namespace bragg::tests {

cpu::NetworkKernels kernels_of(const std::string& tiles) {
  if (!tiles.starts_with("wide")) return cpu::network_kernels(cpu::parse_instruction_set("x86-64-" + tiles));
  static const cpu::ElementKernels<BFloat16> in_arrays = [] {
    cpu::ElementKernels<BFloat16> kernels = cpu::wide::bf16_kernels;
    kernels.tiles = cpu::wide::amx_tiles;
    kernels.tile_count = cpu::amx_tile_count;
    kernels.windows = &cpu::wide::window_products;
    return kernels;
  }();
  cpu::NetworkKernels result = cpu::network_kernels(cpu::best_instruction_set());
  result.tiles = cpu::wide::gemm_tiles;
  result.tile_count = 2;
  result.of_bfloat16 = tiles == "wide" ? &cpu::wide::bf16_kernels : &in_arrays;
  return result;
}

}  // namespace bragg::tests
