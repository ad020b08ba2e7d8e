// How a matrix product is multiplied and cut into tiles: a function of the problem, of whether its operands
// are aligned, and of the multiprocessors alone, those of the device or of its part of a recording; so the same bits every time.
#pragma once

#include <cstdint>
#include <string>

namespace bragg::cuda {

/// What is multiplied and kept: fp32; fp32 in memory and operands rounded to tf32 (10 bits of mantissa) on
/// their way into tensor cores; bfloat16 in memory. Sums are fp32 in all.
enum class Precision { fp32, tf32, bf16 };
/// Throws UsageError for another name.
Precision parse_precision(const std::string& name);
std::string name_of(Precision);

enum class MainLoop { simt_fp32, mma_tf32, mma_bf16, wgmma_bf16 };
std::string name_of(MainLoop);

/// A block to a tile and part of K: the main loops for operands of any layout.
struct GemmConfig {
  MainLoop main_loop = MainLoop::simt_fp32;
  int tile_m = 0, tile_n = 0;    ///< elements of C per block
  std::int64_t parts = 1;        ///< of K, added up in order afterwards
  std::int64_t part_length = 0;  ///< a multiple of the k step

  bool operator==(const GemmConfig&) const = default;
};

/// The cheapest of the main loop's tiles by a count of waves over a nominal GPU. `may_split`: K may be cut
/// into parts; `few_tiles`: tiles are square.
GemmConfig choose_gemm_config(MainLoop, std::int64_t M, std::int64_t N, std::int64_t K, bool may_split,
                              bool few_tiles = false);
/// The main loop for operands of any layout.
MainLoop general_main_loop(Precision);
/// "simt fp32, tile 128x80, 53x1 tiles, 4 parts of 512"
std::string describe(const GemmConfig&, std::int64_t M, std::int64_t N);

/// Which tiles the two blocks of a cluster have beside each other: none, those of one row, which share A, or of one column, which
/// share B. What they share leaves the L2 cache once.
enum class Pairs { none, share_a, share_b };

/// Blocks that stay and take one piece of work after the other: wgmma's.
struct WgmmaConfig {
  int tile_m = 0, tile_n = 0;
  std::int64_t blocks = 0;
  Pairs pairs = Pairs::none;
  /// The steps of k of all tiles in a row, cut into as many equal ranges as there are blocks: a tile's sum
  /// may then come from several of them. Otherwise whole tiles are dealt out.
  bool even = false;
  /// Each of a block's two warpgroups has tiles of its own, and stores one while the other multiplies (gemm_wgmma_turns.cuh).
  /// Otherwise they share a tile.
  bool in_turns = false;
  double clocks = 0;   ///< that a multiprocessor is expected to take
  double storing = 0;  ///< of these, for results: many, those of a random draw; without one it is about half
};
inline constexpr int wgmma_k_step = 64;
/// What a block may ask for on compute capability 9.0: 227 KiB (CUDA C++ Programming Guide, "Compute
/// Capabilities").
inline constexpr std::uint32_t wgmma_shared_memory = 227u << 10;

/// Where warpgroups take turns: rows of a tile, and bytes of shared memory for barriers.
inline constexpr int rows_in_turns = 128, barrier_bytes_in_turns = 1 << 10;
/// Most parts of A, rows_in_turns by wgmma_k_step, that a block has memory for, and most steps of k.
inline constexpr int most_stages_in_turns = 8, most_steps_in_turns = 24;
/// Parts of A for which there is room beside n columns of B with all of their steps and what the warps store by.
int stages_in_turns(int n, std::int64_t steps, int store_bytes);

/// Which of wgmma's tiles a store takes.
struct WgmmaLimits {
  int tallest = 256;     ///< rows
  int columns_unit = 1;  ///< of which its columns are a multiple
  bool with_136_columns = false;
  bool whole_tiles = false;   ///< no tile whose steps of k several blocks share
  int widest = 160;           ///< columns
  int narrowest = 80;         ///< columns: 32 where results are few and each takes long
  bool in_turns = false;      ///< warpgroups may take turns
  int store_bytes = 8 << 10;  ///< of shared memory by which a block's warps store
  bool pairs = true;          ///< two blocks may share an operand
};
/// Rows of both operands that leave the L2 cache for a block's tile and step: of what two share, half.
constexpr double rows_from_cache(int m, int n, Pairs pairs) {
  const int half_b = (n + 15) / 16 * 8;  // that a block brings: from a multiple of 8 on
  return pairs == Pairs::share_a ? m / 2.0 + n : pairs == Pairs::share_b ? m + half_b : m + n;
}
WgmmaConfig choose_wgmma_config(std::int64_t M, std::int64_t N, std::int64_t K, int multiprocessors,
                                const WgmmaLimits& = {});
/// "wgmma bf16, tile 256x160, 84x1 tiles of 69 steps, k shared by 132 blocks, two with one B"
std::string describe(const WgmmaConfig&, std::int64_t M, std::int64_t N, std::int64_t K);

}  // namespace bragg::cuda
