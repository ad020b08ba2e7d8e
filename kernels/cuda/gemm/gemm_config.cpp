#include "kernels/cuda/gemm/gemm_config.h"

#include <algorithm>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "kernels/error.h"

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
// wgmma reads both operands from shared memory, 128 bytes a clock, and multiplies 64 x N x 16 in N / 2
// clocks: 64 x 16 and 16 x N numbers take 16 + N / 4 clocks, and what TMA writes comes on top (estimated,
// never measured).
constexpr Tile wgmma_tiles[] = {{128, 80, 0.65}, {128, 128, 0.85}, {128, 160, 0.95}, {128, 208, 1.0}};

/// A main loop's tiles, how many of its blocks are at work at a time on an H100, and its step of k.
struct Choices {
  std::span<const Tile> tiles;
  std::int64_t blocks, k_step;
};
Choices choices_of(MainLoop main_loop) {
  if (main_loop == MainLoop::wgmma_bf16) return {wgmma_tiles, 132, 64};
  return {general_tiles, 2 * 132, 32};
}

constexpr std::int64_t shortest_part = 512, most_parts = 64;

}  // namespace

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

GemmConfig cut(GemmConfig config, std::int64_t K) {
  const std::int64_t k_step = choices_of(config.main_loop).k_step;
  config.part_length = up(up(std::max<std::int64_t>(K, 1), config.parts), k_step) * k_step;
  config.parts = std::max<std::int64_t>(up(K, config.part_length), 1);
  return config;
}

GemmConfig choose_gemm_config(MainLoop main_loop, std::int64_t M, std::int64_t N, std::int64_t K,
                              bool may_split) {
  const Choices choices = choices_of(main_loop);
  GemmConfig best;
  double lowest = std::numeric_limits<double>::infinity();
  for (const Tile& tile : choices.tiles) {
    const std::int64_t blocks = up(M, tile.m) * up(N, tile.n);
    std::int64_t parts = 1;
    if (may_split) {
      parts =
          std::clamp(std::min(up(choices.blocks, blocks), K / shortest_part), std::int64_t{1}, most_parts);
    }
    const GemmConfig config = cut({main_loop, tile.m, tile.n, parts, 0}, K);
    const double waves = static_cast<double>(up(blocks * config.parts, choices.blocks));
    const double cost = waves * static_cast<double>(config.part_length) * tile.m * tile.n / tile.efficiency;
    if (cost < lowest) {
      lowest = cost;
      best = config;
    }
  }
  return best;
}

std::string describe(const GemmConfig& c, std::int64_t M, std::int64_t N) {
  return fmt::format("{}, tile {}x{}, {}x{} blocks, {} parts of {}", name_of(c.main_loop), c.tile_m, c.tile_n,
                     up(M, c.tile_m), up(N, c.tile_n), c.parts, c.part_length);
}

}  // namespace bragg::cuda
