// The passes of a layer as matrix products in BLAS's terms: what cuBLASLt is asked for.
//
// BLAS refuses overlapping rows (leading dimension < row length), which is what a convolution's windows are.
// PhaseSplit is the legal way round: of the windows of all items, taken as one sequence of rows stride * C_in
// apart, phase r takes rows r, r + phases, r + 2 phases ...; these do not overlap, and the phases are the
// batch of one strided-batched product.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/ops/conv1d.h"
#include "kernels/ops/dense.h"

namespace bragg::bench {

enum class Pass { forward, backward_data, backward_weights };

/// One operand, column-major: element (i, j) of product b lies b * batch_stride + j * ld + i elements after
/// the operand's address.
struct GemmOperand {
  bool transposed = false;
  std::int64_t ld = 0, batch_stride = 0;
};

/// D (m x n) = op(A) (m x k) op(B) (k x n), `batch` times.
struct Gemm {
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  GemmOperand a, b, d;
};

/// Elements from one row to the next.
struct RowStrides {
  std::int64_t src = 0, weights = 0, dst = 0;
};

/// forward           dst  = src weights^T       A = weights, B = src,  D = dst
/// backward_data     src' = dst' weights        A = weights, B = dst', D = src'
/// backward_weights  weights' = dst'^T src      A = src,     B = dst', D = weights'
Gemm dense_gemm(const DenseProblem&, Pass, const RowStrides&);

/// A convolution's passes as strided-batched products, with A, B and D as above, on memory of its own shape:
///
///   src  item n begins at element n * src_item_stride; src_elements in all
///   dst  row t of item n begins at element (dst_halo_rows + n * item_rows + t) * C_out; dst_elements in all
///
/// Between the items both have rows that belong to none. They must be finite in src, and zero in a diff_dst,
/// whose halo before item 0 (read by backward_data alone) is zero, too; what a product writes there has no
/// meaning.
class PhaseSplit {
 public:
  explicit PhaseSplit(const Conv1dProblem&);

  const std::int64_t phases;      ///< ceil(kernel / stride)
  const std::int64_t item_rows;   ///< ceil(L_in / stride): rows from one item to the next
  const std::int64_t phase_rows;  ///< of one product of the batch
  std::int64_t src_item_stride() const { return item_rows * p_.stride * p_.C_in; }
  std::int64_t src_elements() const;
  std::int64_t dst_item_stride() const { return item_rows * p_.C_out; }
  std::int64_t dst_halo_rows() const { return phases - 1; }
  std::int64_t dst_elements() const { return (dst_halo_rows() + phases * phase_rows) * p_.C_out; }

  /// src, weights -> dst. B at src, D at the dst's row 0 of item 0.
  Gemm forward(std::int64_t weights_stride) const;
  /// diff_dst, regrouped weights -> diff_src. B at the beginning of diff_dst, halo included, D at diff_src.
  Gemm backward_data(std::int64_t regrouped_stride) const;
  /// src, diff_dst -> `phases` parts of diff_weights, weights_stride * C_out apart, whose sum is wanted. A at
  /// src, B at diff_dst's row 0 of item 0.
  Gemm backward_weights(std::int64_t weights_stride) const;

  /// The weights of backward_data, (phases * C_out, stride * C_in), from rows of (C_out, kernel * C_in).
  std::int64_t regrouped_rows() const { return phases * p_.C_out; }
  std::int64_t regrouped_length() const { return p_.stride * p_.C_in; }
  std::vector<float> regrouped(std::span<const float> weights, std::int64_t weights_stride,
                               std::int64_t regrouped_stride) const;

 private:
  const Conv1dProblem p_;
};

}  // namespace bragg::bench
