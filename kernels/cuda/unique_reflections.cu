#include <string_view>
#include <unordered_map>

#include "kernels/cuda/device/crystal_math.cuh"
#include "kernels/cuda/device/find.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/unique_reflections.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 128;

__device__ constexpr IntegerPhases integer_phases = make_integer_phases();

/// Calls visit(h, k, l, multiplicity) for the reflections of this thread's row, in descending order.
template <typename Visit>
__device__ void visit_row(const RowTables& t, const Visit& visit) {
  const std::int64_t crystal = find_row(t.block_offset, t.crystals, blockIdx.x);
  const RowGrid grid = t.grid[crystal];
  const std::uint32_t width = 2 * static_cast<std::uint32_t>(grid.k_max) + 1;
  const std::uint64_t row = (blockIdx.x - t.block_offset[crystal]) * threads + threadIdx.x;
  const std::int64_t h = grid.h_max - static_cast<std::int64_t>(row / width);
  if (h < 0) return;
  const int k = grid.k_max - static_cast<int>(row % width);

  const ReciprocalMetric& metric = t.metric[crystal];
  const RowExtent extent = row_extent(metric, t.range.max * extent_slack, static_cast<int>(h), k);
  if (extent.reach_squared < -1) return;  // far more than what rounding may make of 0
  const double reach = sqrt(fmax(0.0, extent.reach_squared)) + extent_margin;
  UniqueRow unique(static_cast<int>(h), k, static_cast<int>(ceil(extent.middle - reach)),
                   static_cast<int>(floor(extent.middle + reach)));
  const std::uint32_t group = t.group[crystal];
  for (std::uint32_t i = t.centring_offset[group]; i < t.centring_offset[group + 1]; ++i)
    if (!unique.apply(t.centrings[i], integer_phases)) return;
  const std::uint32_t first_pair = t.pair_offset[group], end_pair = t.pair_offset[group + 1];
  for (std::uint32_t i = first_pair; i < end_pair; ++i)
    if (!unique.apply(t.pairs[i], integer_phases)) return;

  const int laue_order = 2 * static_cast<int>(end_pair - first_pair);
  int bit = modulo_24(unique.high());
  for (int l = unique.high(); l >= unique.low(); --l, bit = bit == 0 ? 23 : bit - 1) {
    if ((unique.allowed() >> bit & 1) == 0) continue;
    if (!t.range.contains(inverse_d_squared_rn(metric, static_cast<int>(h), k, l))) continue;
    const int multiplicity = unique.multiplicity(l, laue_order);
    if (multiplicity > 0) visit(static_cast<int>(h), k, l, multiplicity);
  }
}

/// The row's place among all of them.
__device__ std::uint64_t this_slot() {
  return std::uint64_t{blockIdx.x} * threads + threadIdx.x;
}

/// Grid: the blocks of rows.
__global__ void __launch_bounds__(threads)
    count_rows(const __grid_constant__ RowTables t, std::uint32_t* __restrict__ counts) {
  wait_for_previous_kernel();
  std::uint32_t count = 0;
  visit_row(t, [&](int, int, int, int) { ++count; });
  counts[this_slot()] = count;
}

/// Grid: the blocks of rows.
__global__ void __launch_bounds__(threads)
    list_rows(const __grid_constant__ RowTables t, const std::uint32_t* __restrict__ counts,
              const std::uint64_t* __restrict__ first, Miller* __restrict__ miller) {
  wait_for_previous_kernel();
  const std::uint64_t slot = this_slot();
  if (counts[slot] == 0) return;
  Miller* at = miller + first[slot];
  visit_row(t, [&](int h, int k, int l, int multiplicity) {
    *at++ = {static_cast<std::int16_t>(h), static_cast<std::int16_t>(k), static_cast<std::int16_t>(l),
             static_cast<std::uint16_t>(multiplicity)};
  });
}

/// Grid: a thread for each offset, in a lo
__global__ void __launch_bounds__(threads)
    offsets_of_rows(std::int64_t crystals, const std::uint64_t* __restrict__ block_offset,
                    const std::uint64_t* __restrict__ first, std::uint64_t* __restrict__ offset) {
  wait_for_previous_kernel();
  const std::int64_t stride = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i <= crystals; i += stride)
    offset[i] = first[block_offset[i] * threads];
}

}  // namespace

RowPlan::RowPlan(const CrystalBatch& batch, const InverseDSquaredRange& of) : range(of) {
  const auto n = static_cast<std::size_t>(batch.crystals());
  grid.reserve(n);
  block_offset.reserve(n + 1);
  laue.reserve(n);
  group.reserve(n);
  // By the operators' bytes: databases have a few hundred settings, and a group takes microseconds to set up.
  static_assert(sizeof(SymmetryOperator) == 12);
  struct Known {
    std::uint32_t group;
    std::size_t crystal;
  };
  std::unordered_map<std::string_view, Known> known;
  for (std::size_t i = 0; i < n; ++i) {
    const auto [h_max, k_max, l_max] =
        largest_indices(batch.metric[i], range.max, static_cast<std::int64_t>(i));
    grid.push_back({h_max, k_max});
    const std::uint64_t rows = (std::uint64_t{1} + h_max) * (2 * std::uint64_t{1} * k_max + 1);
    block_offset.push_back(block_offset.back() + (rows + threads - 1) / threads);

    const std::span operators(batch.operators.data() + batch.operator_offset[i],
                              batch.operators.data() + batch.operator_offset[i + 1]);
    const std::string_view bytes(reinterpret_cast<const char*>(operators.data()), operators.size_bytes());
    const auto [entry, is_new] = known.try_emplace(bytes, Known{static_cast<std::uint32_t>(known.size()), i});
    group.push_back(entry->second.group);
    if (!is_new) {
      laue.push_back(laue[entry->second.crystal]);
      continue;
    }
    laue.push_back(laue_rotations(operators));
    const RotationGroup made = rotation_group(operators);
    pairs.insert(pairs.end(), made.pairs.begin(), made.pairs.end());
    pair_offset.push_back(static_cast<std::uint32_t>(pairs.size()));
    centrings.insert(centrings.end(), made.centrings.begin(), made.centrings.end());
    centring_offset.push_back(static_cast<std::uint32_t>(centrings.size()));
  }
}

std::int64_t RowPlan::slots() const {
  return static_cast<std::int64_t>(block_offset.back()) * threads;
}

void count_reflections(const RowTables& t, std::uint64_t blocks, std::uint32_t* counts,
                       const Describe& describe, cudaStream_t stream) {
  launch(describe, stream, {dim3(static_cast<unsigned>(blocks)), dim3(threads)}, count_rows, t, counts);
}

void pick_offsets(const RowTables& t, const std::uint64_t* first, std::uint64_t* offset,
                  const Describe& describe, cudaStream_t stream) {
  launch(describe, stream, {dim3(blocks_for(t.crystals + 1, threads)), dim3(threads)}, offsets_of_rows,
         t.crystals, t.block_offset, first, offset);
}

void list_reflections(const RowTables& t, std::uint64_t blocks, const std::uint32_t* counts,
                      const std::uint64_t* first, Miller* miller, const Describe& describe,
                      cudaStream_t stream) {
  launch(describe, stream, {dim3(static_cast<unsigned>(blocks)), dim3(threads)}, list_rows, t, counts, first,
         miller);
}

}  // namespace bragg::cuda
