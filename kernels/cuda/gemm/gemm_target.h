// Where matrix products run.
#pragma once

#include <string>
#include <vector>

#include "kernels/cuda/gemm/gemm_config.h"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {

struct GemmTarget {
  LaunchTarget launches;
  Precision precision = Precision::fp32;
  /// wgmma may be used; it is where the operands are flat (flat_view.h).
  bool wgmma = false;
  int multiprocessors = 1;
  /// For blocks that share a tile (k_ranges.cuh): sums_per_block floats for each multiprocessor.
  float* sums = nullptr;
  /// Where given, each product says how it is computed.
  std::vector<std::string>* choices = nullptr;
  int tallest_tile = 256;    ///< rows of wgmma's tiles at most
  bool pairs = true;         ///< two blocks may have an operand of wgmma's in common
  bool whole_tiles = false;  ///< no tile of wgmma's is shared by blocks: `sums` is not touched
  /// Where given, wgmma's products add up the clocks that their blocks are expected to take.
  double* clocks = nullptr;
};
/// The largest tile and its columns' sums, of two pieces.
inline constexpr std::int64_t sums_per_block = 2 * (256 * 160 + 160);

}  // namespace bragg::cuda
