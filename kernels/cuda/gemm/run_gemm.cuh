// config -> launch: the one place that knows which kernels are compiled.
#pragma once

#include <algorithm>
#include <optional>
#include <type_traits>

#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/gemm_mma_bf16.cuh"
#include "kernels/cuda/gemm/gemm_mma_tf32.cuh"
#include "kernels/cuda/gemm/gemm_simt.cuh"
#include "kernels/cuda/gemm/gemm_wgmma_turns.cuh"
#include "kernels/cuda/gemm/join_pieces.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {

inline dim3 tile_grid(std::int32_t M, std::int32_t N, const GemmConfig& config) {
  const auto up = [](std::int32_t n, int d) { return static_cast<unsigned>((n + d - 1) / d); };
  return dim3(up(M, config.tile_m), up(N, config.tile_n), static_cast<unsigned>(config.parts));
}

/// The tiles of gemm_config.cpp's general main loops: 16 TM x 16 TN elements, WM warps along m of the tensor
/// cores' kernel in tf32, the warps of the one in bf16.
template <int TM_, int TN_, int WM_, typename Bf16_>
struct GeneralTile {
  static constexpr int TM = TM_, TN = TN_, WM = WM_;
  using Bf16 = Bf16_;
  static_assert(Bf16::m == 16 * TM && Bf16::n == 16 * TN);
};
using Tile128x128 = GeneralTile<8, 8, 4, MmaTile<2, 8, 4, 2>>;
using Tile128x80 = GeneralTile<8, 5, 4, MmaTile<2, 10, 4, 1>>;
using Tile80x128 = GeneralTile<5, 8, 1, MmaTile<5, 4, 1, 4>>;
using Tile64x64 = GeneralTile<4, 4, 2, MmaTile<2, 4, 2, 2>>;

template <typename Tile, Contiguous a_order, Contiguous b_order, typename Store, typename Source = AsFetched>
void launch_tile(const Describe& describe, const LaunchTarget& target, const GemmArguments<float>& p,
                 const GemmConfig& config, const Store& store, const Source& source = {}) {
  constexpr int TM = Tile::TM, TN = Tile::TN;
  LaunchShape shape{tile_grid(p.M, p.N, config), dim3(gemm_block::threads)};
  if (config.main_loop == MainLoop::mma_tf32) {
    shape.shared_bytes = gemm_mma_tf32_shared_bytes<TM, TN>();
    launch(describe, target, shape, gemm_mma_tf32<TM, TN, Tile::WM, a_order, b_order, Store, Source>, p,
           store, source);
  } else {
    shape.shared_bytes = gemm_simt_shared_bytes<TM, TN>();
    launch(describe, target, shape, gemm_simt<TM, TN, a_order, b_order, Store, Source>, p, store, source);
  }
}

template <typename Tile, Contiguous a_order, Contiguous b_order, typename Store>
void launch_tile(const Describe& describe, const LaunchTarget& target, const GemmArguments<BFloat16>& p,
                 const GemmConfig& config, const Store& store) {
  using Bf16 = typename Tile::Bf16;
  const LaunchShape shape{tile_grid(p.M, p.N, config), dim3(Bf16::threads),
                          gemm_mma_bf16_shared_bytes<Bf16, a_order, b_order>()};
  if (p.a.is_aligned() && p.b.is_aligned()) {
    launch(describe, target, shape, gemm_mma_bf16<Bf16, a_order, b_order, true, Store>, p, store);
  } else {
    launch(describe, target, shape, gemm_mma_bf16<Bf16, a_order, b_order, false, Store>, p, store);
  }
}

/// Whether only square tiles are compiled for a store.
template <typename Store>
constexpr bool takes_few_tiles() {
  return requires {
    requires Store::few_tiles;
  };
}

/// C by the main loop for operands of any layout; `source`: what becomes of the windows in fp32 (fetch_through_registers.cuh).
template <Contiguous a_order, Contiguous b_order, typename T, typename Store, typename... Source>
void run_gemm(const Describe& describe_op, const GemmTarget& target, GemmArguments<T> p,
              const GemmConfig& config, const Store& store, const Source&... source) {
  constexpr bool all_tiles = !takes_few_tiles<Store>() && sizeof...(Source) == 0;
  if (target.choices) target.choices->push_back(describe(config, p.M, p.N));
  p.part_length = static_cast<std::int32_t>(config.part_length);
  const auto run = [&]<typename Tile>(Tile) {
    launch_tile<Tile, a_order, b_order>(describe_op, target.launches, p, config, store, source...);
  };
  if (config.tile_m == 128 && config.tile_n == 128) return run(Tile128x128());
  if constexpr (all_tiles) {
    if (config.tile_m == 128) return run(Tile128x80());
    if (config.tile_m == 80) return run(Tile80x128());
  }
  run(Tile64x64());
}

/// Rows of the wgmma tiles that a store leaves registers for.
template <typename Store>
constexpr int tallest_tile_of() {
  if constexpr (requires { Store::tallest_tile; }) {
    return Store::tallest_tile;
  } else {
    return 256;
  }
}

/// Of what a store's tiles' columns are a multiple, and the bytes of shared memory that a warp stores by.
template <typename Store>
constexpr int columns_unit_of() {
  if constexpr (requires { Store::columns_unit; }) {
    return Store::columns_unit;
  } else {
    return 1;
  }
}
template <typename Store>
constexpr int warp_stage_of() {
  if constexpr (requires { Store::stage_bytes; }) {
    return Store::stage_bytes;
  } else {
    return 0;
  }
}

template <typename Store>
constexpr bool takes_136_columns() {
  if constexpr (requires { Store::takes_136_columns; }) {
    return Store::takes_136_columns;
  } else {
    return false;
  }
}

template <typename Store, typename Source>
constexpr int widest_tile_of() {
  if constexpr (requires { Store::widest_tile; }) {
    return std::min(Store::widest_tile, Source::widest_tile);
  } else {
    return Source::widest_tile;
  }
}

template <typename Store>
constexpr int narrowest_tile_of() {
  if constexpr (requires { Store::narrowest_tile; }) {
    return Store::narrowest_tile;
  } else {
    return 80;
  }
}

/// Whether two warpgroups that store so may take turns.
template <typename Store>
constexpr bool takes_turns() {
  return requires {
    requires Store::takes_turns;
  };
}

/// What all of wgmma's kernels take, but p.k. Of an operand that both blocks of a cluster have each brings half.
template <typename Tile>
void give_operands(WgmmaArguments& p, const FlatView& a, const FlatView& b, bool a_by_k, bool b_by_k,
                   Pairs pairs) {
  const std::int64_t M = a_by_k ? a.rows : a.row_length, N = b_by_k ? b.rows : b.row_length;
  int a_rows = a_by_k ? Tile::m : wgmma_k_step, b_rows = b_by_k ? Tile::n : wgmma_k_step;
  if (pairs == Pairs::share_a) a_rows /= 2;
  if (pairs == Pairs::share_b) b_rows = (b_rows + 15) / 16 * 8;
  p.a = make_tensor_map(a, a_rows);
  p.b = make_tensor_map(b, b_rows);
  p.M = static_cast<std::int32_t>(M);
  p.N = static_cast<std::int32_t>(N);
  p.pitch = Division(a_by_k ? a.pitch : M);
  p.rows_per_item = static_cast<std::int32_t>(a_by_k ? a.rows_per_item : M);
  const std::int64_t m = pairs == Pairs::share_b ? 2 * Tile::m : Tile::m,
                     n = pairs == Pairs::share_a ? 2 * Tile::n : Tile::n;
  p.pairs = pairs;
  p.tiles_m = static_cast<std::int32_t>((M + m - 1) / m);
  p.tiles_n = static_cast<std::int32_t>((N + n - 1) / n);
}

/// The same by warpgroups in turn; both operands by rows of k.
template <typename Store, typename Source>
void run_wgmma_in_turns(const Describe& describe_op, const GemmTarget& target, const FlatView& a,
                        const FlatView& b, const Store& store, const Source& source,
                        const WgmmaConfig& config) {
  const auto run = [&]<int tile_n>() {
    if constexpr (tile_n <= widest_tile_of<Store, Source>() && tile_n % columns_unit_of<Store>() == 0) {
      using Tile = TurnsTile<tile_n, warp_stage_of<Store>()>;
      const auto blocks = static_cast<std::int32_t>(config.blocks);
      TurnsArguments p{};
      give_operands<Tile>(p, a, b, true, true, Pairs::none);
      p.k = {p.tiles_m * p.tiles_n, 1, blocks, false, nullptr, 0};
      p.steps = static_cast<std::int32_t>((a.row_length + wgmma_k_step - 1) / wgmma_k_step);
      p.stages = stages_in_turns(tile_n, p.steps, Tile::store_bytes);
      launch(
          describe_op, target.launches,
          {dim3(static_cast<unsigned>(blocks)), dim3(Tile::threads), wgmma_in_turns::Shared<Tile>::bytes(p)},
          gemm_wgmma_in_turns<Tile, Store, Source>, p, store, source);
    }
  };
  if (config.tile_n == 160) {
    run.template operator()<160>();
  } else if (config.tile_n == 128) {
    run.template operator()<128>();
  } else {
    run.template operator()<80>();
  }
}

/// By which of wgmma's tiles a product is stored so.
template <Contiguous a_order, Contiguous b_order, typename Store, typename Source>
WgmmaLimits limits_of(const GemmTarget& target) {
  return {std::min(tallest_tile_of<Store>(), target.tallest_tile),
          columns_unit_of<Store>(),
          takes_136_columns<Store>(),
          wgmma_gemm::leaves_sums<Store>() || target.whole_tiles,
          widest_tile_of<Store, Source>(),
          narrowest_tile_of<Store>(),
          a_order == Contiguous::k && b_order == Contiguous::k && takes_turns<Store>(),
          8 * warp_stage_of<Store>(),
          target.pairs};
}

/// C (M, N) of flat operands; `b_sums` or nullptr. Returns how it is cut.
template <Contiguous a_order, Contiguous b_order, typename Store, typename Source = AsItArrives>
WgmmaConfig run_wgmma(const Describe& describe_op, const GemmTarget& target, const FlatView& a,
                      const FlatView& b, const Store& store, float* b_sums, const Source& source = {}) {
  constexpr bool a_by_k = a_order == Contiguous::k, b_by_k = b_order == Contiguous::k;
  const std::int64_t M = a_by_k ? a.rows : a.row_length, N = b_by_k ? b.rows : b.row_length,
                     K = a_by_k ? a.row_length : a.rows;
  constexpr int tallest = tallest_tile_of<Store>(), unit = columns_unit_of<Store>();
  constexpr bool with_136 = takes_136_columns<Store>(), whole_tiles = wgmma_gemm::leaves_sums<Store>(),
                 turns = a_by_k && b_by_k && takes_turns<Store>();
  const WgmmaConfig config = choose_wgmma_config(M, N, K, target.multiprocessors,
                                                 limits_of<a_order, b_order, Store, Source>(target));
  if (target.choices) target.choices->push_back(describe(config, M, N, K));
  if (target.clocks) *target.clocks += config.clocks * static_cast<double>(config.blocks);
  if constexpr (turns) {
    if (config.in_turns) {
      run_wgmma_in_turns(describe_op, target, a, b, store, source, config);
      return config;
    }
  }
  const auto run = [&]<int tile_m, int tile_n>() {
    if constexpr (tile_m <= tallest && tile_n <= widest_tile_of<Store, Source>() &&
                  tile_n >= narrowest_tile_of<Store>() && tile_n % unit == 0 && (tile_n != 136 || with_136)) {
      using Tile = WgmmaTile<tile_m, tile_n, a_order, b_order, warp_stage_of<Store>()>;
      static_assert(2 * Tile::slot_length <= sums_per_block);
      WgmmaArguments p{};
      give_operands<Tile>(p, a, b, a_by_k, b_by_k, config.pairs);
      const int cluster = config.pairs == Pairs::none ? 1 : 2;
      p.k = {p.tiles_m * p.tiles_n,
             static_cast<std::int32_t>((K + Tile::k_step - 1) / Tile::k_step),
             static_cast<std::int32_t>(config.blocks / cluster),
             config.even,
             target.sums,
             Tile::slot_length};
      p.b_sums = b_sums;
      constexpr std::size_t shared_bytes = Tile::shared_bytes + (Source::changes ? Tile::ready_bytes : 0);
      static_assert(shared_bytes <= wgmma_shared_memory);
      launch(describe_op, target.launches,
             {dim3(static_cast<unsigned>(config.blocks)), dim3(Tile::threads), shared_bytes,
              static_cast<unsigned>(cluster)},
             gemm_wgmma<Tile, Store, Source>, p, store, source);
      if constexpr (!whole_tiles) {
        if (!config.even) return;
        constexpr auto slices = static_cast<unsigned>(wgmma_gemm::slices<Tile, Store>());
        launch(describe_op, target.launches,
               {dim3(static_cast<unsigned>(config.blocks), slices), dim3(128 * Tile::consumers),
                Tile::store_bytes, 1},
               join_pieces<Tile, Store>, p, store);
      }
    }
  };
  if (config.tile_m == 256 && config.tile_n == 160) {
    run.template operator()<256, 160>();
  } else if (config.tile_m == 256 && config.tile_n == 136) {
    run.template operator()<256, 136>();
  } else if (config.tile_m == 256 && config.tile_n == 128) {
    run.template operator()<256, 128>();
  } else if (config.tile_m == 256) {
    run.template operator()<256, 80>();
  } else if (config.tile_n == 160) {
    run.template operator()<128, 160>();
  } else if (config.tile_n == 80) {
    run.template operator()<128, 80>();
  } else {
    run.template operator()<128, 32>();
  }
  return config;
}

/// Operands of an A by rows m where wgmma takes them.
struct FlatByRowsOfM {
  FlatView a, b;
};
template <Contiguous b_order>
std::optional<FlatByRowsOfM> flat_by_rows_of_m(const GemmTarget& target, const GemmArguments<BFloat16>& p) {
  const auto a = target.wgmma ? flatten(p.a, p.M) : std::nullopt,
             b = a ? flatten(p.b, b_order == Contiguous::k ? p.N : p.K) : std::nullopt;
  return b ? std::optional(FlatByRowsOfM{*a, *b}) : std::nullopt;
}

/// C of an A by rows m by the general main loop, K in one part.
template <Contiguous b_order, typename T, typename Store>
void run_by_rows_of_m(const Describe& describe_op, const GemmTarget& target, const GemmArguments<T>& p,
                      const Store& store) {
  const auto config = choose_gemm_config(general_main_loop(target.precision), p.M, p.N, p.K, false);
  run_gemm<Contiguous::k, b_order>(describe_op, target, p, config, store);
}

}  // namespace bragg::cuda
