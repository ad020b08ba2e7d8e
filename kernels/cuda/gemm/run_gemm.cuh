// config -> launch: the one place that knows which kernels are compiled.
#pragma once

#include "kernels/cuda/gemm/gemm_config.h"
#include "kernels/cuda/gemm/gemm_mma_bf16.cuh"
#include "kernels/cuda/gemm/gemm_mma_tf32.cuh"
#include "kernels/cuda/gemm/gemm_simt.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {

inline dim3 tile_grid(std::int32_t M, std::int32_t N, const GemmConfig& config) {
  const auto up = [](std::int32_t n, int d) { return static_cast<unsigned>((n + d - 1) / d); };
  return dim3(up(M, config.tile_m), up(N, config.tile_n), static_cast<unsigned>(config.parts));
}

/// `WM`: warps along m of the tensor cores' kernel.
template <int TM, int TN, int WM, Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void launch_tile(const Describe& describe, cudaStream_t stream, const GemmArguments<float>& p,
                 const GemmConfig& config, const Store& store) {
  LaunchShape shape{tile_grid(p.M, p.N, config), dim3(gemm_block::threads)};
  if (config.main_loop == MainLoop::mma_tf32) {
    shape.shared_bytes = gemm_mma_tf32_shared_bytes<TM, TN>();
    launch(describe, stream, shape, gemm_mma_tf32<TM, TN, WM, a_order, b_order, Store>, p, store);
  } else {
    shape.shared_bytes = gemm_simt_shared_bytes<TM, TN>();
    launch(describe, stream, shape, gemm_simt<TM, TN, a_order, b_order, Store>, p, store);
  }
}

template <Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void run_gemm(const Describe& describe, cudaStream_t stream, GemmArguments<float> p, const GemmConfig& config,
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

template <typename Tile, Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void launch_tile(const Describe& describe, cudaStream_t stream, const GemmArguments<BFloat16>& p,
                 const GemmConfig& config, const Store& store) {
  const LaunchShape shape{tile_grid(p.M, p.N, config), dim3(Tile::threads),
                          gemm_mma_bf16_shared_bytes<Tile, a_order, b_order>()};
  if (p.a.is_aligned() && p.b.is_aligned()) {
    launch(describe, stream, shape, gemm_mma_bf16<Tile, a_order, b_order, true, Store>, p, store);
  } else {
    launch(describe, stream, shape, gemm_mma_bf16<Tile, a_order, b_order, false, Store>, p, store);
  }
}

template <Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void run_gemm(const Describe& describe, cudaStream_t stream, GemmArguments<BFloat16> p,
              const GemmConfig& config, const Store& store) {
  p.part_length = static_cast<std::int32_t>(config.part_length);
  if (config.tile_m == 128 && config.tile_n == 128) {
    launch_tile<MmaTile<2, 8, 4, 2>, a_order, b_order>(describe, stream, p, config, store);
  } else if (config.tile_m == 128) {
    launch_tile<MmaTile<2, 10, 4, 1>, a_order, b_order>(describe, stream, p, config, store);
  } else if (config.tile_m == 80) {
    launch_tile<MmaTile<5, 4, 1, 4>, a_order, b_order>(describe, stream, p, config, store);
  } else {
    launch_tile<MmaTile<2, 4, 2, 2>, a_order, b_order>(describe, stream, p, config, store);
  }
}

}  // namespace bragg::cuda
