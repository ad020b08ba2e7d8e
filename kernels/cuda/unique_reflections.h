// The reflections of many crystals, unique under their Laue groups: a thread for each row (h, k, .).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/unique_rows.h"
#include "kernels/cuda/runtime.h"

namespace bragg::cuda {

/// Rows of one crystal: h from h_max to 0 and, for each, k from k_max to -k_max.
struct RowGrid {
  std::int32_t h_max, k_max;
};

/// What the host finds out before a reflection is listed. Every crystal has blocks of rows of its own; groups
/// that several crystals have are here once.
struct RowPlan {
  /// Throws ProblemError where a Miller index would not fit 16 bits.
  RowPlan(const CrystalBatch&, const InverseDSquaredRange&);

  /// Of rows, all blocks filled up.
  std::int64_t slots() const;

  InverseDSquaredRange range;
  std::vector<RowGrid> grid;
  std::vector<std::uint64_t> block_offset{0};  ///< crystals + 1
  std::vector<LaueRotations> laue;             ///< (crystals)
  std::vector<std::uint32_t> group;            ///< (crystals)
  std::vector<RotationPair> pairs;
  std::vector<std::uint32_t> pair_offset{0};  ///< groups + 1
  std::vector<Translation> centrings;
  std::vector<std::uint32_t> centring_offset{0};  ///< groups + 1
};

/// The same in device memory.
struct RowTables {
  InverseDSquaredRange range;
  std::int64_t crystals;
  const ReciprocalMetric* metric;
  const RowGrid* grid;
  const std::uint64_t* block_offset;
  const std::uint32_t* group;
  const RotationPair* pairs;
  const std::uint32_t* pair_offset;
  const Translation* centrings;
  const std::uint32_t* centring_offset;
};

/// Describes the op where a launch fails.
using Describe = std::function<std::string()>;

/// counts (slots) = reflections of each row. blocks: block_offset[crystals], which is not 0 here or below.
void count_reflections(const RowTables&, std::uint64_t blocks, std::uint32_t* counts, const Describe&,
                       cudaStream_t);
/// offset (crystals + 1) from `first` (slots + 1), the exclusive sum of the counts.
void pick_offsets(const RowTables&, const std::uint64_t* first, std::uint64_t* offset, const Describe&,
                  cudaStream_t);
/// A row's reflections from miller[first] on.
void list_reflections(const RowTables&, std::uint64_t blocks, const std::uint32_t* counts,
                      const std::uint64_t* first, Miller* miller, const Describe&, cudaStream_t);

}  // namespace bragg::cuda
