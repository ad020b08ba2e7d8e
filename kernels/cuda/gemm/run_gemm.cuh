// config -> launch: the one place that knows which kernels are compiled.
#pragma once

#include "kernels/cuda/gemm/gemm_config.h"
#include "kernels/cuda/gemm/gemm_mma.cuh"
#include "kernels/cuda/gemm/gemm_simt.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {

/// `WM`: warps along m of the tensor cores' kernel.
template <int TM, int TN, int WM, Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void launch_tile(const Describe& describe, cudaStream_t stream, const GemmArguments& p,
                 const GemmConfig& config, const Store& store) {
  const auto up = [](std::int32_t n, int d) { return static_cast<unsigned>((n + d - 1) / d); };
  LaunchShape shape{dim3(up(p.M, 16 * TM), up(p.N, 16 * TN), static_cast<unsigned>(config.parts)),
                    dim3(gemm_block::threads)};
  if (config.precision == Precision::tf32) {
    shape.shared_bytes = gemm_mma_shared_bytes<TM, TN>();
    launch(describe, stream, shape, gemm_mma<TM, TN, WM, a_order, b_order, Store>, p, store);
  } else {
    shape.shared_bytes = gemm_simt_shared_bytes<TM, TN>();
    launch(describe, stream, shape, gemm_simt<TM, TN, a_order, b_order, Store>, p, store);
  }
}

template <Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void run_gemm(const Describe& describe, cudaStream_t stream, GemmArguments p, const GemmConfig& config,
              const Store& store) {
  p.part_length = static_cast<std::int32_t>(config.part_length);
  if (config.tile_m == 128 && config.tile_n == 128) {
    launch_tile<8, 8, 4, a_order, b_order>(describe, stream, p, config, store);
  } else if (config.tile_m == 128) {
    launch_tile<8, 5, 4, a_order, b_order>(describe, stream, p, config, store);
  } else if (config.tile_m == 80) {
    launch_tile<5, 8, 1, a_order, b_order>(describe, stream, p, config, store);
  } else {
    launch_tile<4, 4, 2, a_order, b_order>(describe, stream, p, config, store);
  }
}

}  // namespace bragg::cuda
