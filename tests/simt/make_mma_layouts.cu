// Prints mma_layouts.tsv: who holds what of a tensor core's matrices, as CuTe's layouts say
// (nvidia-cutlass 4.2, BSD-3). Made once; bragg itself needs nothing of it:
//
//   nvcc -std=c++17 -I CUTLASS/include make_mma_layouts.cu -o make_mma_layouts && ./make_mma_layouts >
//   mma_layouts.tsv
#include <cstdio>

#include <cute/atom/mma_traits_sm80.hpp>
#include <cute/layout.hpp>

template <typename Layout>
void print(const char* instruction, const char* matrix, Layout, int values, int rows) {
  for (int lane = 0; lane < 32; ++lane) {
    for (int value = 0; value < values; ++value) {
      const int element = Layout{}(lane, value);  // column-major over (rows, columns)
      std::printf("%s\t%s\t%d\t%d\t%d\t%d\n", instruction, matrix, lane, value, element % rows,
                  element / rows);
    }
  }
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
}
