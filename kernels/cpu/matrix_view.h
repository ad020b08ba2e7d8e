// Matrices as views of activations: rows on two levels, items and rows within an item. A view that is only
// read may overlap (row_stride < row_length: a convolution's windows); one that is written may not.
//
// This is what makes a convolution a plain matrix product. With channels last, output t of an item reads the
// kernel * C_in contiguous numbers from row t * stride on:
//
//   pass              A                   B                M                    N             K
//   forward           windows of src      weights^T        N L_out              C_out         kernel C_in
//   backward data     windows of diff_dst weights by phase N ceil(L_in/stride)  stride C_in   R C_out
//   backward weights  windows of src, ^T  diff_dst         kernel C_in          C_out         N L_out
//
// with R = ceil(kernel / stride) and zeros around every item of diff_dst.
// No im2col, no copy. A BLAS refuses such views (leading dimension < row length), so the product is our own.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace bragg::cpu {

template <typename Element>
struct ConstMatrixView {
  const Element* data = nullptr;
  std::int64_t items = 1, item_stride = 0;
  std::int64_t rows_per_item = 0, row_stride = 0, row_length = 0;

  std::int64_t rows() const { return items * rows_per_item; }
  const Element* row(std::int64_t r) const {
    return data + r / rows_per_item * item_stride + r % rows_per_item * row_stride;
  }
};

/// Row r of an item holds elements [r * row_stride, r * row_stride + row_length) of its item_length elements:
/// the last row may be cut short.
template <typename Element>
struct MatrixView {
  Element* data = nullptr;
  std::int64_t items = 1, item_stride = 0;
  std::int64_t rows_per_item = 0, row_stride = 0, row_length = 0;
  std::int64_t item_length = 0;

  MatrixView(Element* data_, std::int64_t items_, std::int64_t item_stride_, std::int64_t rows_per_item_,
             std::int64_t row_stride_, std::int64_t row_length_, std::int64_t item_length_)
      : data(data_),
        items(items_),
        item_stride(item_stride_),
        rows_per_item(rows_per_item_),
        row_stride(row_stride_),
        row_length(row_length_),
        item_length(item_length_) {
    assert(row_stride >= row_length && item_stride >= item_length);
  }

  std::int64_t rows() const { return items * rows_per_item; }
  Element* row(std::int64_t r) const {
    return data + r / rows_per_item * item_stride + r % rows_per_item * row_stride;
  }
};

/// A row of a view, then the next, without a division for each.
template <typename View>
class RowWalk {
 public:
  RowWalk(const View& view, std::int64_t r)
      : item(r / view.rows_per_item), in_item(r % view.rows_per_item), data(view.row(r)), view_(view) {}

  void next() {
    data += view_.row_stride;
    if (++in_item < view_.rows_per_item) return;
    in_item = 0;
    ++item;
    data += view_.item_stride - view_.rows_per_item * view_.row_stride;
  }

  std::int64_t item, in_item;
  decltype(View::data) data;

 private:
  const View& view_;
};

}  // namespace bragg::cpu
