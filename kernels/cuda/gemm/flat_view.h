// Views that TMA can copy from: one sequence of rows, so that a tile may begin and end anywhere in it.
#pragma once

#include <optional>
#include <string>

#include <cuda.h>

#include "kernels/base/bfloat16.h"
#include "kernels/cuda/gemm/matrix_view.cuh"

namespace bragg::cuda {

/// Rows at equal distances, those of all items and what lies between: flat row f is row f % pitch of item f /
/// pitch; rows from rows_per_item on belong to no item.
struct FlatView {
  const BFloat16* data = nullptr;
  std::int64_t row_stride = 0, row_length = 0;  ///< elements
  std::int64_t rows = 0;                        ///< up to the last item's last
  std::int64_t pitch = 1, rows_per_item = 1;

  bool has_places_of(const FlatView& other) const {
    return rows == other.rows && pitch == other.pitch && rows_per_item == other.rows_per_item;
  }
};

/// `rows` rows of the view as a flat one, where items are a whole number of rows apart and TMA can read it:
/// addresses and distances in multiples of 16 bytes.
std::optional<FlatView> flatten(const ConstMatrixView<BFloat16>&, std::int64_t rows);

/// Boxes of 64 elements by box_rows rows of the view, in shared memory with the 128-byte swizzle. Rows may
/// overlap: cuTensorMapEncodeTiled asks for strides in multiples of 16 bytes, not for strides beyond the
/// row's end. Throws CudaError.
CUtensorMap make_tensor_map(const FlatView&, int box_rows);
/// Encodes a map of rows that overlap, in 88 KB of device memory. Empty where the driver takes it, otherwise
/// the error's text. Throws Error where that memory cannot be had.
std::string overlapping_map_refused_because();
inline constexpr int box_columns = 64;

}  // namespace bragg::cuda
