// config -> launch: the one place that knows which tiles are compiled.
#pragma once

#include "kernels/cuda/gemm/gemm_config.h"
#include "kernels/cuda/gemm/gemm_simt.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {

template <int TM, int TN, Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void launch_tile(const Describe& describe, cudaStream_t stream, const GemmArguments& p, std::int64_t parts,
                 const Store& store) {
  const auto up = [](std::int32_t n, int d) { return static_cast<unsigned>((n + d - 1) / d); };
  launch(describe, stream,
         {dim3(up(p.M, 16 * TM), up(p.N, 16 * TN), static_cast<unsigned>(parts)), dim3(simt_gemm::threads),
          gemm_simt_shared_bytes<TM, TN>()},
         gemm_simt<TM, TN, a_order, b_order, Store>, p, store);
}

template <Contiguous a_order, Contiguous b_order, typename Store, typename Describe>
void run_gemm(const Describe& describe, cudaStream_t stream, GemmArguments p, const GemmConfig& config,
              const Store& store) {
  p.part_length = static_cast<std::int32_t>(config.part_length);
  if (config.tile_m == 128 && config.tile_n == 128) {
    launch_tile<8, 8, a_order, b_order>(describe, stream, p, config.parts, store);
  } else if (config.tile_m == 128) {
    launch_tile<8, 5, a_order, b_order>(describe, stream, p, config.parts, store);
  } else if (config.tile_m == 80) {
    launch_tile<5, 8, a_order, b_order>(describe, stream, p, config.parts, store);
  } else {
    launch_tile<4, 4, a_order, b_order>(describe, stream, p, config.parts, store);
  }
}

}  // namespace bragg::cuda
