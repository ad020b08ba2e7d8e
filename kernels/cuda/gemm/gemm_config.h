// How a matrix product is multiplied and cut into tiles and parts: a function of the problem, and of whether
// its operands are aligned, alone; so the same problem gives the same bits every time.
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

struct GemmConfig {
  MainLoop main_loop = MainLoop::simt_fp32;
  int tile_m = 0, tile_n = 0;    ///< elements of C per block
  std::int64_t parts = 1;        ///< of K, added up in order afterwards
  std::int64_t part_length = 0;  ///< a multiple of the k step

  bool operator==(const GemmConfig&) const = default;
};

/// The cheapest of the main loop's tiles by a count of waves over a nominal GPU. `may_split`: K may be cut
/// into parts.
GemmConfig choose_gemm_config(MainLoop, std::int64_t M, std::int64_t N, std::int64_t K, bool may_split);
/// K in at most config.parts parts of whole steps.
GemmConfig cut(GemmConfig config, std::int64_t K);
/// The main loop for operands of any layout.
MainLoop general_main_loop(Precision);
/// "simt fp32, tile 128x80, 53x1 blocks, 4 parts of 512"
std::string describe(const GemmConfig&, std::int64_t M, std::int64_t N);

}  // namespace bragg::cuda
