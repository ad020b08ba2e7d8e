// How a matrix product is cut into tiles and parts: a function of the problem alone, so that the same problem
// gives the same bits on every GPU.
#pragma once

#include <cstdint>
#include <string>

namespace bragg::cuda {

/// How products are multiplied: fp32, or operands rounded to tf32 (10 bits of mantissa) on tensor cores.
/// Sums, memory and everything else are fp32 in both.
enum class Precision { fp32, tf32 };
/// Throws UsageError for another name.
Precision parse_precision(const std::string& name);

struct GemmConfig {
  Precision precision = Precision::fp32;
  int tile_m = 0, tile_n = 0;    ///< elements of C per block
  std::int64_t parts = 1;        ///< of K, added up in order afterwards
  std::int64_t part_length = 0;  ///< a multiple of the k step

  bool operator==(const GemmConfig&) const = default;
};

/// The cheapest of the tiles by a count of waves over a nominal GPU. `may_split`: K may be cut into parts.
GemmConfig choose_gemm_config(Precision precision, std::int64_t M, std::int64_t N, std::int64_t K,
                              bool may_split);
/// "simt fp32, tile 128x80, 53x1 blocks, 4 parts of 512"
std::string describe(const GemmConfig&, std::int64_t M, std::int64_t N);

}  // namespace bragg::cuda
