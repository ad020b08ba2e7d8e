// An operand that is normalised where threads fetch it (fetch_through_registers.cuh), in fp32: the windows of a convolution's src.
#pragma once

#include "kernels/cuda/gemm/matrix_view.cuh"
#include "kernels/cuda/gemm/normalised_rows.h"

namespace bragg::cuda {

/// What becomes of an operand's numbers on their way: nothing.
struct AsFetched {
  static constexpr bool changes = false;
  struct Column {};
};

/// Element k of row r of the view is of row (r % rows_per_item) steps + k / channels of its item, channel k % channels.
class NormalisedFetch {
 public:
  static constexpr bool changes = true;

  NormalisedFetch(const NormalisedRows& rows, const ConstMatrixView<float>& windows)
      : factor_(rows.factor),
        offset_(rows.offset),
        channels_(rows.channels),
        rows_per_item_(windows.rows_per_item),
        steps_(static_cast<std::int32_t>(windows.row_stride / rows.channels)),
        first_(static_cast<std::int32_t>(rows.first)),
        length_(static_cast<std::int32_t>(rows.length)) {}

  /// What an element of a window is multiplied by and raised by, and how many rows it lies behind the window's first.
  struct Column {
    float factor, offset;
    std::int32_t tap;
  };
  __device__ Column column(std::int32_t k) const {
    const auto tap = static_cast<std::int32_t>(channels_.quotient(static_cast<std::uint32_t>(k)));
    const std::int32_t channel = k - tap * static_cast<std::int32_t>(channels_.divisor);
    return {factor_[channel], offset_[channel], tap};
  }
  /// The first row of a window, counted from the item's first that is no padding.
  __device__ std::int32_t begin(std::uint32_t r) const {
    const std::uint32_t in_item = r - rows_per_item_.quotient(r) * rows_per_item_.divisor;
    return static_cast<std::int32_t>(in_item) * steps_ - first_;
  }
  __device__ float operator()(float x, std::int32_t begin, const Column& column) const {
    if (static_cast<std::uint32_t>(begin + column.tap) >= static_cast<std::uint32_t>(length_)) return x;
    const float y = fmaf(x, column.factor, column.offset);
    return y < 0 ? 0 : y;
  }

 private:
  const float *factor_, *offset_;
  Division channels_, rows_per_item_;
  std::int32_t steps_;           ///< rows of src from one window to the next
  std::int32_t first_, length_;  ///< rows of an item that are not padding
};

}  // namespace bragg::cuda
