// Matrices as views of activations or weights, as in kernels/cpu/matrix_view.h: rows on two levels, items and
// rows within an item. What is only read may overlap: a convolution's windows. No im2col, no copy.
//
//   pass              A (M, K)               B (K, N)               M          N             K
//   forward           windows of src         weights^T              N L_out    C_out         kernel C_in
//   backward data     windows of diff_dst    weights by phase       N L_phase  stride C_in   R C_out
//   backward weights  diff_dst^T             windows of src         C_out      kernel C_in   N L_out
//
// with L_phase = ceil(L_in / stride), R = ceil(kernel / stride).
#pragma once

#include <cstdint>

#include "kernels/cuda/device/division.cuh"

namespace bragg::cuda {

/// Row r is row_length contiguous elements; those of the first item only first_item_row_length, zero beyond.
template <typename T>
struct ConstMatrixView {
  const T* data = nullptr;
  std::int64_t item_stride = 0, row_stride = 0;  ///< elements
  Division rows_per_item;
  std::int32_t row_length = 0, first_item_row_length = 0;

  ConstMatrixView() = default;
  ConstMatrixView(const T* data_, std::int64_t item_stride_, std::int64_t rows_per_item_,
                  std::int64_t row_stride_, std::int64_t row_length_)
      : data(data_),
        item_stride(item_stride_),
        row_stride(row_stride_),
        rows_per_item(rows_per_item_),
        row_length(static_cast<std::int32_t>(row_length_)),
        first_item_row_length(row_length) {}

  __device__ const T* row(std::uint32_t r) const {
    const std::uint32_t item = rows_per_item.quotient(r);
    return data + item * item_stride + (r - item * rows_per_item.divisor) * row_stride;
  }
  __device__ std::int32_t length(std::uint32_t r) const {
    return r < rows_per_item.divisor ? first_item_row_length : row_length;
  }
  /// Whether every row begins at a multiple of 16 bytes.
  bool is_aligned() const {
    constexpr std::int64_t unit = 16 / sizeof(T);
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && item_stride % unit == 0 &&
           row_stride % unit == 0;
  }
};

/// Rows that are written: they may not overlap. Row r of an item holds elements [r * row_stride, r *
/// row_stride + row_length) of its item_length elements: the last may be cut short.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t item_stride = 0, row_stride = 0, item_length = 0;
  Division rows_per_item;
  std::int32_t row_length = 0;

  MatrixView(T* data_, std::int64_t item_stride_, std::int64_t rows_per_item_, std::int64_t row_length_,
             std::int64_t item_length_)
      : data(data_),
        item_stride(item_stride_),
        row_stride(row_length_),
        item_length(item_length_),
        rows_per_item(rows_per_item_),
        row_length(static_cast<std::int32_t>(row_length_)) {}

  /// Where row r begins: the item and the offset within it.
  struct Place {
    std::uint32_t item;
    std::int64_t offset;
    std::int32_t length;
  };
  __device__ Place place(std::uint32_t r) const {
    const std::uint32_t item = rows_per_item.quotient(r);
    const std::int64_t offset = (r - item * rows_per_item.divisor) * row_stride;
    const std::int64_t left = item_length - offset;
    return {item, offset, left < row_length ? static_cast<std::int32_t>(left) : row_length};
  }
};

}  // namespace bragg::cuda
