#include "kernels/cuda/gemm/gemm_config.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::cuda {
namespace {

std::int64_t up(std::int64_t n, std::int64_t d) {
  return (n + d - 1) / d;
}

// Elements of C per block and the share of the multiply-add rate that the shared-memory reads leave: a thread
// of TM x TN reads TM + TN numbers for TM TN multiply-adds (a warp of tensor-core tiles likewise), four
// numbers to an instruction where four lie together.
struct Tile {
  int m, n;
  double efficiency;
};
constexpr Tile general_tiles[] = {{128, 128, 1.0}, {128, 80, 0.9}, {80, 128, 0.9}, {64, 64, 0.75}};
constexpr std::int64_t blocks_at_work = 2 * 132, k_step = 32;  // on an H100
constexpr std::int64_t shortest_part = 512, most_parts = 64;

struct WgmmaShape {
  int m, n;
};
constexpr WgmmaShape wgmma_tiles[] = {{256, 160}, {256, 136}, {256, 128}, {256, 80},
                                      {128, 160}, {128, 80},  {128, 32}};
// A multiprocessor multiplies m x n x 64 in m n / 32 clocks and takes in about 32 bytes a clock from the L2
// cache (both from published figures of an H100, not measured here).
constexpr double products_per_clock = 2048, bytes_per_clock = 32;
constexpr double join_clocks = 3000;  // of the kernel behind it: what starting one takes where it overlaps
constexpr double pair_clocks =
    500;  // in which the blocks of a cluster wait for each other, as it begins and ends
constexpr std::int64_t fewest_steps = 4;  // of a block's range: less is not worth another block's sums

// Operands of a step of k come in while the one before is multiplied.
double clocks_of_step(int m, int n, double rows_from_cache) {
  return std::max(m * n * wgmma_k_step / products_per_clock,
                  rows_from_cache * wgmma_k_step * 2.0 / bytes_per_clock);
}

struct ProductSize {
  std::int64_t M, N, K;
};

/// Takes this tile, dealt out as a whole or its steps of k cut into ranges, where that is cheaper than `best`.
void consider_tile(const WgmmaShape& tile, Pairs pairs, const ProductSize& of, int multiprocessors,
                   bool whole_tiles, WgmmaConfig& best) {
  const auto [m, n] = tile;
  const std::int64_t blocks = pairs == Pairs::none ? 1 : 2, at_once = multiprocessors / blocks;
  const std::int64_t tiles_m = up(of.M, m), tiles_n = up(of.N, n),
                     beside = pairs == Pairs::share_a ? tiles_n : tiles_m;
  if (at_once == 0 || (pairs != Pairs::none && beside < 2)) return;
  // Of pairs, each as one.
  const std::int64_t tiles = pairs == Pairs::share_a   ? tiles_m * up(tiles_n, 2)
                             : pairs == Pairs::share_b ? up(tiles_m, 2) * tiles_n
                                                       : tiles_m * tiles_n,
                     steps = std::max<std::int64_t>(up(of.K, wgmma_k_step), 1);
  const double step = clocks_of_step(m, n, rows_from_cache(m, n, pairs)),
               sums = m * n * 4.0 / bytes_per_clock,  // to write or read a tile of them once
      meeting = pairs == Pairs::none ? 0 : pair_clocks;
  const auto consider = [&](std::int64_t ranges, bool even, double clocks, double storing) {
    if (clocks + storing < best.clocks)
      best = {.tile_m = tile.m,
              .tile_n = tile.n,
              .blocks = ranges * blocks,
              .pairs = pairs,
              .even = even,
              .clocks = clocks + storing,
              .storing = storing};
  };
  const std::int64_t whole = std::min<std::int64_t>(tiles, at_once), waves = up(tiles, whole);
  consider(whole, false, static_cast<double>(waves) * static_cast<double>(steps) * step + meeting,
           static_cast<double>(waves) * sums);
  const std::int64_t ranges = std::min<std::int64_t>(at_once, tiles * steps / fewest_steps);
  if (whole_tiles || ranges <= 1 || tiles % ranges == 0) return;
  const auto length = static_cast<double>(up(tiles * steps, ranges));
  // A range leaves a piece, and another where a tile begins in it that it does not finish; all are read again, by all
  // multiprocessors together.
  const double pieces = 1 + std::min(1.0, static_cast<double>(tiles) / static_cast<double>(ranges)),
               whole_tiles_of_range = std::floor(length / static_cast<double>(steps));
  consider(ranges, true, length * step + 2 * pieces * sums + join_clocks + meeting,
           whole_tiles_of_range * sums);
}

/// Takes the cheapest of the tiles by turns where it is cheaper than `best`, however long it takes to store. A tile is stored while
/// the next one is multiplied; B comes in once.
void consider_turns(std::int64_t M, std::int64_t N, std::int64_t K, int multiprocessors,
                    const WgmmaLimits& limits, WgmmaConfig& best) {
  constexpr int m = rows_in_turns, columns[] = {160, 128, 80}, fewest_stages = 3;
  const std::int64_t steps = std::max<std::int64_t>(up(K, wgmma_k_step), 1);
  for (const int n : columns) {
    const std::int64_t tiles = up(M, m) * up(N, n);
    if (n > limits.widest || n % limits.columns_unit != 0 || tiles <= multiprocessors ||
        stages_in_turns(n, steps, limits.store_bytes) < fewest_stages)
      continue;
    const double products = static_cast<double>(steps) * clocks_of_step(m, n, m),
                 sums = m * n * 4.0 / bytes_per_clock,
                 waves = static_cast<double>(up(tiles, multiprocessors)),
                 b = static_cast<double>(steps) * n * wgmma_k_step * 2 / bytes_per_clock;
    const auto clocks = [&](double store) {
      return waves * std::max(products, store) + std::min(products, store) + b;
    };
    if (clocks(sums) < best.clocks && clocks(sums / 2) < best.clocks - best.storing / 2)
      best = {.tile_m = m,
              .tile_n = n,
              .blocks = multiprocessors,
              .in_turns = true,
              .clocks = clocks(sums),
              .storing = 2 * (clocks(sums) - clocks(sums / 2))};
  }
}

}  // namespace

int stages_in_turns(int n, std::int64_t steps, int store_bytes) {
  constexpr std::int64_t a_bytes = rows_in_turns * wgmma_k_step * 2, most = most_stages_in_turns;
  const std::int64_t b_bytes = steps * n * wgmma_k_step * 2,
                     left = wgmma_shared_memory - barrier_bytes_in_turns - store_bytes - b_bytes;
  return steps > most_steps_in_turns ? 0
                                     : static_cast<int>(std::clamp<std::int64_t>(left / a_bytes, 0, most));
}

Precision parse_precision(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "tf32") return Precision::tf32;
  if (name == "bf16") return Precision::bf16;
  throw UsageError(fmt::format("unknown precision '{}': fp32, tf32 or bf16", name));
}

std::string name_of(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
  }
  return {};
}

std::string name_of(MainLoop main_loop) {
  switch (main_loop) {
    case MainLoop::simt_fp32:
      return "simt fp32";
    case MainLoop::mma_tf32:
      return "mma.sync tf32";
    case MainLoop::mma_bf16:
      return "mma.sync bf16";
    case MainLoop::wgmma_bf16:
      return "wgmma bf16";
  }
  return {};
}

MainLoop general_main_loop(Precision precision) {
  return precision == Precision::fp32   ? MainLoop::simt_fp32
         : precision == Precision::tf32 ? MainLoop::mma_tf32
                                        : MainLoop::mma_bf16;
}

GemmConfig choose_gemm_config(MainLoop main_loop, std::int64_t M, std::int64_t N, std::int64_t K,
                              bool may_split, bool few_tiles) {
  GemmConfig best;
  double lowest = std::numeric_limits<double>::infinity();
  for (const Tile& tile : general_tiles) {
    if (few_tiles && tile.m != tile.n) continue;
    const std::int64_t blocks = up(M, tile.m) * up(N, tile.n);
    GemmConfig config{main_loop, tile.m, tile.n};
    if (may_split) {
      config.parts =
          std::clamp(std::min(up(blocks_at_work, blocks), K / shortest_part), std::int64_t{1}, most_parts);
    }
    config.part_length = up(up(std::max<std::int64_t>(K, 1), config.parts), k_step) * k_step;
    config.parts = std::max<std::int64_t>(up(K, config.part_length), 1);
    const double waves = static_cast<double>(up(blocks * config.parts, blocks_at_work));
    const double cost = waves * static_cast<double>(config.part_length) * tile.m * tile.n / tile.efficiency;
    if (cost < lowest) {
      lowest = cost;
      best = config;
    }
  }
  return best;
}

std::string describe(const GemmConfig& c, std::int64_t M, std::int64_t N) {
  std::string text = fmt::format("{}, tile {}x{}, {}x{} tiles", name_of(c.main_loop), c.tile_m, c.tile_n,
                                 up(M, c.tile_m), up(N, c.tile_n));
  if (c.parts > 1) text += fmt::format(", {} parts of {}", c.parts, c.part_length);
  return text;
}

WgmmaConfig choose_wgmma_config(std::int64_t M, std::int64_t N, std::int64_t K, int multiprocessors,
                                const WgmmaLimits& limits) {
  WgmmaConfig best;
  best.clocks = std::numeric_limits<double>::infinity();
  for (const WgmmaShape tile : wgmma_tiles) {
    if (tile.m > limits.tallest || tile.n > limits.widest || tile.n < limits.narrowest ||
        tile.n % limits.columns_unit != 0 || (tile.n == 136 && !limits.with_136_columns))
      continue;
    for (const Pairs pairs : {Pairs::none, Pairs::share_a, Pairs::share_b})
      if (pairs == Pairs::none || limits.pairs)
        consider_tile(tile, pairs, {M, N, K}, multiprocessors, limits.whole_tiles, best);
  }
  if (limits.in_turns) consider_turns(M, N, K, multiprocessors, limits, best);
  return best;
}

std::string describe(const WgmmaConfig& c, std::int64_t M, std::int64_t N, std::int64_t K) {
  return fmt::format("{}, tile {}x{}, {}x{} tiles of {} steps, {} {} blocks{}", name_of(MainLoop::wgmma_bf16),
                     c.tile_m, c.tile_n, up(M, c.tile_m), up(N, c.tile_n), up(K, wgmma_k_step),
                     c.even       ? "k shared by"
                     : c.in_turns ? "in turns by"
                                  : "by",
                     c.blocks,
                     c.pairs == Pairs::share_a   ? ", two with one A"
                     : c.pairs == Pairs::share_b ? ", two with one B"
                                                 : "");
}

}  // namespace bragg::cuda
