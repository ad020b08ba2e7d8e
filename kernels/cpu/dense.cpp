// Fully connected layer on the GEMM core. In the forward pass the weights, by far the largest operand, are
// read once and never copied: dst^T = weights * src^T, and blocks are turned round when they are stored.
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/epilogue.h"

namespace bragg::cpu {
namespace {

ConstMatrixView items(const ConstActivations& a) {
  return {a.item<float>(0), 1, 0, a.N, a.item_stride, a.C};
}

/// The block of C^T that `block` holds, as a block of C.
GemmBlock transposed(const GemmBlock& block, float* to) {
  const std::int64_t rows = block.m1 - block.m0, columns = block.n1 - block.n0;
  constexpr std::int64_t square = 16;
  for (std::int64_t i0 = 0; i0 < rows; i0 += square) {
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = i0; i < std::min(i0 + square, rows); ++i)
        to[j * rows + i] = block.c[i * block.ldc + j];
    }
  }
  return {block.n0, block.n1, block.m0, block.m1, to, rows, block.worker};
}

}  // namespace

std::size_t CpuBackend::workspace_of(const DenseProblem& p) const {
  return sizeof(float) * static_cast<std::size_t>(p.in * gemm_.padded(p.N));
}

void CpuBackend::run_op(const DenseForward& op) {
  const DenseProblem& p = op.problem;
  auto* packed = static_cast<float*>(workspace("dense_forward", workspace_of(p)));
  gemm_.pack_b_columns(items(op.src), p.in, packed);
  const GemmProblem problem{.M = p.out,
                            .N = p.N,
                            .K = p.in,
                            .a = {op.weights.as<float>(), 1, 0, p.out, p.in, p.in},
                            .packed_b = packed,
                            .b = {},
                            .m_multiple = 32};
  const MatrixView rows(op.dst.item<float>(0), 1, p.N * op.dst.item_stride, p.N, op.dst.item_stride, p.out,
                        p.N * op.dst.item_stride);
  gemm_.run(problem, [&](const GemmBlock& block) {
    GemmScratch& scratch = gemm_.scratch(block.worker);
    store_forward(network_, scratch, transposed(block, scratch.transposed), op.epilogue, rows);
  });
}

void CpuBackend::run_op(const DenseBackwardData& op) {
  const DenseProblem& p = op.problem;
  const GemmProblem problem{.M = p.N,
                            .N = p.in,
                            .K = p.out,
                            .a = items(op.diff_dst),
                            .b = {op.weights.as<float>(), 1, 0, p.out, p.in, p.in}};
  const MatrixView rows(op.diff_src.item<float>(0), p.N, op.diff_src.item_stride, 1, p.in, p.in, p.in);
  gemm_.run(problem, [&](const GemmBlock& block) { store_backward(network_, block, op.relu, rows); });
}

void CpuBackend::run_op(const DenseBackwardWeights& op) {
  const DenseProblem& p = op.problem;
  const GemmProblem problem{
      .M = p.out, .N = p.in, .K = p.N, .a = items(op.diff_dst), .a_columns = true, .b = items(op.src)};
  const MatrixView rows(op.diff_weights.as<float>(), 1, p.out * p.in, p.out, p.in, p.in, p.out * p.in);
  gemm_.run(problem, [&](const GemmBlock& block) { store_backward(network_, block, {}, rows); });
  std::fill_n(op.diff_bias.as<float>(), p.out, 0.0f);
  network_.add_rows(op.diff_dst.item<float>(0), p.N, op.diff_dst.item_stride, p.out,
                    op.diff_bias.as<float>());
}

}  // namespace bragg::cpu
