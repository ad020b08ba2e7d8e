// The parts of gemm_forward. Together their kernels take the compiler several times as long as those of any other product: each
// part is compiled in a file of its own, gemm_forward_*.cu.
#pragma once

#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/run_gemm.cuh"
#include "kernels/cuda/gemm/store_octets.cuh"

namespace bragg::cuda {

// By the main loops for operands of any layout.
void forward_by_rows_of_m(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                          const ForwardStore<float>&);
void forward_by_rows_of_m(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                          const ForwardStore<BFloat16>&);

// By wgmma: without dropout, or where results cannot be stored by octets; with dropout by octets.
void forward_by_wgmma(const Describe&, const GemmTarget&, const FlatByRowsOfM&,
                      const ForwardStore<BFloat16>&);
void forward_with_dropout(const Describe&, const GemmTarget&, const FlatByRowsOfM&, Draws,
                          const ForwardStore<BFloat16>&);

// In bfloat16 these two tiles have files of their own: gemm_forward_bf16_128x80.cu, gemm_forward_bf16_80x128.cu.
extern template void launch_tile<Tile128x80, Contiguous::k, Contiguous::k>(const Describe&,
                                                                           const LaunchTarget&,
                                                                           const GemmArguments<BFloat16>&,
                                                                           const GemmConfig&,
                                                                           const ForwardStore<BFloat16>&);
extern template void launch_tile<Tile80x128, Contiguous::k, Contiguous::k>(const Describe&,
                                                                           const LaunchTarget&,
                                                                           const GemmArguments<BFloat16>&,
                                                                           const GemmConfig&,
                                                                           const ForwardStore<BFloat16>&);

}  // namespace bragg::cuda
