// config -> launch: the one place that knows which kernels are compiled.
#pragma once

#include <algorithm>
#include <optional>
#include <type_traits>

#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/gemm_mma_bf16.cuh"
#include "kernels/cuda/gemm/gemm_mma_tf32.cuh"
#include "kernels/cuda/gemm/gemm_simt.cuh"
#include "kernels/cuda/gemm/gemm_wgmma.cuh"
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

/// C (M, N) of flat operands; `b_sums` or nullptr.
template <Contiguous a_order, Contiguous b_order, typename Store>
void run_wgmma(const Describe& describe, const GemmTarget& target, const FlatView& a, const FlatView& b,
               const GemmConfig& config, const Store& store, float* b_sums) {
  const auto run = [&]<int tile_n>(std::integral_constant<int, tile_n>) {
    using Tile = WgmmaTile<tile_n, a_order, b_order>;
    constexpr bool a_by_k = a_order == Contiguous::k, b_by_k = b_order == Contiguous::k;
    const std::int64_t M = a_by_k ? a.rows : a.row_length, N = b_by_k ? b.rows : b.row_length;
    const dim3 tiles = tile_grid(static_cast<std::int32_t>(M), static_cast<std::int32_t>(N), config);
    WgmmaArguments p{};
    p.a = make_tensor_map(a, a_by_k ? Tile::m : Tile::k_step);
    p.b = make_tensor_map(b, b_by_k ? Tile::n : Tile::k_step);
    p.M = static_cast<std::int32_t>(M);
    p.N = static_cast<std::int32_t>(N);
    p.K = static_cast<std::int32_t>(a_by_k ? a.row_length : a.rows);
    p.pitch = Division(a_by_k ? a.pitch : M);
    p.rows_per_item = static_cast<std::int32_t>(a_by_k ? a.rows_per_item : M);
    p.tiles_m = static_cast<std::int32_t>(tiles.x);
    p.tiles_n = static_cast<std::int32_t>(tiles.y);
    p.parts = static_cast<std::int32_t>(tiles.z);
    p.part_length = static_cast<std::int32_t>(config.part_length);
    p.b_sums = b_sums;
    const unsigned blocks =
        std::min(tiles.x * tiles.y * tiles.z, static_cast<unsigned>(target.multiprocessors));
    launch(describe, target.stream, {dim3(blocks), dim3(Tile::threads), Tile::shared_bytes},
           gemm_wgmma<Tile, Store>, p, store);
  };
  switch (config.tile_n) {
    case 80:
      return run(std::integral_constant<int, 80>());
    case 128:
      return run(std::integral_constant<int, 128>());
    case 160:
      return run(std::integral_constant<int, 160>());
    default:
      return run(std::integral_constant<int, 208>());
  }
}

}  // namespace bragg::cuda
