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

std::size_t CpuBackend::workspace_bytes(const DenseProblem& p) const {
  return sizeof(float) * static_cast<std::size_t>(p.in * gemm_.padded(p.N));
}

void CpuBackend::do_dense_forward(const DenseProblem& p, const ConstActivations& src, ConstTensor weights,
                                  const Activations& dst, const Epilogue& epilogue) {
  auto* packed = static_cast<float*>(workspace("dense_forward", workspace_bytes(p)));
  gemm_.pack_b_columns(items(src), p.in, packed);
  const GemmProblem problem{.M = p.out,
                            .N = p.N,
                            .K = p.in,
                            .a = {weights.as<float>(), 1, 0, p.out, p.in, p.in},
                            .packed_b = packed,
                            .b = {},
                            .m_multiple = 32};
  const MatrixView rows(dst.item<float>(0), 1, p.N * dst.item_stride, p.N, dst.item_stride, p.out,
                        p.N * dst.item_stride);
  gemm_.run(problem, [&](const GemmBlock& block) {
    GemmScratch& scratch = gemm_.scratch(block.worker);
    store_forward(network_, scratch, transposed(block, scratch.transposed), epilogue, rows);
  });
}

void CpuBackend::do_dense_backward_data(const DenseProblem& p, const ConstActivations& diff_dst,
                                        ConstTensor weights, const Activations& diff_src,
                                        const ReluGradient& relu) {
  const GemmProblem problem{.M = p.N,
                            .N = p.in,
                            .K = p.out,
                            .a = items(diff_dst),
                            .b = {weights.as<float>(), 1, 0, p.out, p.in, p.in}};
  const MatrixView rows(diff_src.item<float>(0), p.N, diff_src.item_stride, 1, p.in, p.in, p.in);
  gemm_.run(problem, [&](const GemmBlock& block) { store_backward(network_, block, relu, rows); });
}

void CpuBackend::do_dense_backward_weights(const DenseProblem& p, const ConstActivations& src,
                                           const ConstActivations& diff_dst, Tensor diff_weights,
                                           Tensor diff_bias) {
  const GemmProblem problem{
      .M = p.out, .N = p.in, .K = p.N, .a = items(diff_dst), .a_columns = true, .b = items(src)};
  const MatrixView rows(diff_weights.as<float>(), 1, p.out * p.in, p.out, p.in, p.in, p.out * p.in);
  gemm_.run(problem, [&](const GemmBlock& block) { store_backward(network_, block, {}, rows); });
  std::fill_n(diff_bias.as<float>(), p.out, 0.0f);
  network_.add_rows(diff_dst.item<float>(0), p.N, diff_dst.item_stride, p.out, diff_bias.as<float>());
}

}  // namespace bragg::cpu
