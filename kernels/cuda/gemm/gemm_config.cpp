#include "kernels/cuda/gemm/gemm_config.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "kernels/error.h"

namespace bragg::cuda {
namespace {

std::int64_t up(std::int64_t n, std::int64_t d) {
  return (n + d - 1) / d;
}

// Elements of C per block and the share of the multiply-add rate that the shared-memory reads leave: a thread
// of TM x TN reads TM + TN numbers for TM TN multiply-adds (a warp of tensor-core tiles likewise), four
// numbers to an instruction where four lie together. All main loops have these tiles.
struct Tile {
  int m, n;
  double efficiency;
};
constexpr Tile tiles[] = {{128, 128, 1.0}, {128, 80, 0.9}, {80, 128, 0.9}, {64, 64, 0.75}};

constexpr std::int64_t nominal_blocks = 2 * 132;  // at work at a time: two per multiprocessor of an H100
constexpr std::int64_t k_step = 32;               // a multiple of every main loop's
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

GemmConfig choose_gemm_config(Precision precision, std::int64_t M, std::int64_t N, std::int64_t K,
                              bool may_split) {
  const MainLoop main_loop = precision == Precision::fp32   ? MainLoop::simt_fp32
                             : precision == Precision::tf32 ? MainLoop::mma_tf32
                                                            : MainLoop::mma_bf16;
  GemmConfig best;
  double lowest = std::numeric_limits<double>::infinity();
  for (const Tile& tile : tiles) {
    const std::int64_t blocks = up(M, tile.m) * up(N, tile.n);
    std::int64_t parts = 1;
    if (may_split) {
      parts =
          std::clamp(std::min(up(nominal_blocks, blocks), K / shortest_part), std::int64_t{1}, most_parts);
    }
    const std::int64_t length = up(up(std::max<std::int64_t>(K, 1), parts), k_step) * k_step;
    parts = std::max<std::int64_t>(up(K, length), 1);
    const double waves = static_cast<double>(up(blocks * parts, nominal_blocks));
    const double cost = waves * static_cast<double>(length) * tile.m * tile.n / tile.efficiency;
    if (cost < lowest) {
      lowest = cost;
      best = {main_loop, tile.m, tile.n, parts, length};
    }
  }
  return best;
}

std::string describe(const GemmConfig& c, std::int64_t M, std::int64_t N) {
  const char* const main_loop = c.main_loop == MainLoop::simt_fp32  ? "simt fp32"
                                : c.main_loop == MainLoop::mma_tf32 ? "mma.sync tf32"
                                                                    : "mma.sync bf16";
  return fmt::format("{}, tile {}x{}, {}x{} blocks, {} parts of {}", main_loop, c.tile_m, c.tile_n,
                     up(M, c.tile_m), up(N, c.tile_n), c.parts, c.part_length);
}

}  // namespace bragg::cuda
