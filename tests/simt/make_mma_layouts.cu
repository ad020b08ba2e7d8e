// Prints mma_layouts.tsv: who holds what of a tensor core's matrices, as CuTe's layouts say
// (nvidia-cutlass 4.2, BSD-3). Made once; bragg itself needs nothing of it:
//
//   nvcc -std=c++17 -DCUTE_SM90_EXTENDED_MMA_SHAPES_ENABLED -I CUTLASS/include \
//     -o make_mma_layouts make_mma_layouts.cu
//   ./make_mma_layouts > mma_layouts.tsv
#include <cstdio>

#include <cute/atom/mma_traits_sm80.hpp>
#include <cute/atom/mma_traits_sm90_gmma.hpp>
#include <cute/tensor.hpp>

template <typename Layout>
void print(const char* instruction, const char* matrix, Layout, int values, int rows, int lanes = 32) {
  for (int lane = 0; lane < lanes; ++lane) {
    for (int value = 0; value < values; ++value) {
      const int element = Layout{}(lane, value);  // column-major over (rows, columns)
      std::printf("%s\t%s\t%d\t%d\t%d\t%d\n", instruction, matrix, lane, value, element % rows,
                  element / rows);
    }
  }
}

/// Bytes from the start, of operands in shared memory: some rows (or columns) by all 64 of the other index.
template <typename Layout>
void print_shared(const char* name, Layout layout, bool by_mn) {
  const auto offset = cute::as_position_independent_swizzle_layout(layout);
  for (const int mn : {0, 1, 7, 8, 9, 31, 63, 64, 65, 127})
    for (int k = 0; k < 64; ++k)
      std::printf("%s\tshared\t%d\t%d\t%d\t%d\n", name, mn, k, static_cast<int>(offset(mn, k)) * 2, by_mn);
}

int main() {
  std::printf(
      "# CuTe of CUTLASS 4.2: A (m, k), B (n, k), C (m, n)\n# "
      "instruction\tmatrix\tlane\tvalue\trow\tcolumn\n");
  using Tf32 = cute::MMA_Traits<cute::SM80_16x8x8_F32TF32TF32F32_TN>;
  print("m16n8k8_tf32", "A", Tf32::ALayout{}, 4, 16);
  print("m16n8k8_tf32", "B", Tf32::BLayout{}, 2, 8);
  print("m16n8k8_tf32", "C", Tf32::CLayout{}, 4, 16);
  using Bf16 = cute::MMA_Traits<cute::SM80_16x8x16_F32BF16BF16F32_TN>;
  print("m16n8k16_bf16", "A", Bf16::ALayout{}, 8, 16);
  print("m16n8k16_bf16", "B", Bf16::BLayout{}, 4, 8);
  print("m16n8k16_bf16", "C", Bf16::CLayout{}, 4, 16);
  using Wgmma = cute::MMA_Traits<
      cute::SM90::GMMA::MMA_64x16x16_F32BF16BF16_SS<cute::GMMA::Major::K, cute::GMMA::Major::K>>;
  print("wgmma_m64n16", "C", Wgmma::CLayout{}, 8, 64, 128);
  using namespace cute;
  const auto k_major = tile_to_shape(GMMA::Layout_K_SW128_Atom<bfloat16_t>{}, Shape<_128, _64>{});
  const auto mn_major =
      tile_to_shape(GMMA::Layout_MN_SW128_Atom<bfloat16_t>{}, Shape<_128, _64>{}, Step<_2, _1>{});
  print_shared("wgmma_k_major", k_major, false);
  print_shared("wgmma_mn_major", mn_major, true);
  // Of the first product's operands, (64 mn, 16 k): as wgmma_descriptor's fields.
  alignas(1024) static bfloat16_t memory[128 * 64];
  const auto operand = [](auto layout) {
    return local_tile(make_tensor(make_smem_ptr(memory), layout), Shape<_128, _16>{}, make_coord(0, 0));
  };
  const auto print_descriptor = [](const char* name, GmmaDescriptor d) {
    std::printf("%s\tdescriptor\t%d\t%d\t%d\t%d\n", name, int(d.bitfield.leading_byte_offset_),
                int(d.bitfield.stride_byte_offset_), int(d.bitfield.layout_type_),
                int(d.bitfield.base_offset_));
  };
  print_descriptor("wgmma_k_major", SM90::GMMA::make_gmma_desc<GMMA::Major::K>(operand(k_major)));
  print_descriptor("wgmma_mn_major", SM90::GMMA::make_gmma_desc<GMMA::Major::MN>(operand(mn_major)));
}
