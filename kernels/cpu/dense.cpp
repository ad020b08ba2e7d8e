// Fully connected layer on the GEMM core. In the forward pass the weights, by far the largest operand, are
// read once and never copied: dst^T = weights * src^T, and blocks are turned round when they are stored.
#include <algorithm>
#include <vector>

#include "kernels/cpu/adam_step.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/epilogue.h"

namespace bragg::cpu {
namespace {

template <typename Element>
ConstMatrixView<Element> items(const ConstActivations& a) {
  return {a.item<Element>(0), 1, 0, a.N, a.item_stride, a.C};
}

/// Slices of rows far apart: no hardware prefetcher sees them coming.
constexpr std::int64_t rows_ahead = 8;
void fetch(const AdamTensors& tensors, std::int64_t first, std::int64_t count) {
  for (std::int64_t i = first; i < first + count; i += 16) {
    for (const Tensor& tensor : {tensors.weights, tensors.m, tensors.v})
      __builtin_prefetch(tensor.as<float>() + i, 1);
  }
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
  return with_element_type([&]<typename Element>() {
    return sizeof(Element) * static_cast<std::size_t>(gemm<Element>().packed_count(p.in, p.N));
  });
}

void CpuBackend::run_op(const DenseForward& op) {
  const DenseProblem& p = op.problem;
  with_element_type([&]<typename Element>() {
    const Gemm<Element>& gemm = this->gemm<Element>();
    auto* packed = static_cast<Element*>(workspace("dense_forward", workspace_of(p)));
    gemm.pack_b_columns(items<Element>(op.src), p.in, packed);
    const GemmProblem<Element> problem{.M = p.out,
                                       .N = p.N,
                                       .K = p.in,
                                       .a = {op.weights.as<Element>(), 1, 0, p.out, p.in, p.in},
                                       .packed_b = packed,
                                       .b = {},
                                       .m_multiple = 32};
    const auto run_into = [&]<typename Stored>(Stored* dst) {
      const MatrixView<Stored> rows(dst, 1, p.N * op.dst.item_stride, p.N, op.dst.item_stride, p.out,
                                    p.N * op.dst.item_stride);
      gemm.run(problem, [&](const GemmBlock& block) {
        GemmScratch<Element>& scratch = gemm.scratch(block.worker);
        store_forward(network_, scratch.words, transposed(block, scratch.transposed), op.epilogue, rows);
      });
    };
    if (op.dst.dtype == DType::f32)
      run_into(op.dst.item<float>(0));
    else
      run_into(op.dst.item<Element>(0));
  });
}

void CpuBackend::run_op(const DenseBackwardData& op) {
  const DenseProblem& p = op.problem;
  with_element_type([&]<typename Element>() {
    const GemmProblem<Element> problem{.M = p.N,
                                       .N = p.in,
                                       .K = p.out,
                                       .a = items<Element>(op.diff_dst),
                                       .b = {op.weights.as<Element>(), 1, 0, p.out, p.in, p.in}};
    const MatrixView<Element> rows(op.diff_src.item<Element>(0), p.N, op.diff_src.item_stride, 1, p.in, p.in,
                                   p.in);
    gemm<Element>().run(problem,
                        [&](const GemmBlock& block) { store_backward(network_, block, op.relu, rows); });
  });
}

template <typename Op>
void CpuBackend::dense_gradients(const Op& op, const std::function<void(const GemmBlock&)>& store) {
  const DenseProblem& p = op.problem;
  with_element_type([&]<typename Element>() {
    const GemmProblem<Element> problem{.M = p.out,
                                       .N = p.in,
                                       .K = p.N,
                                       .a = items<Element>(op.diff_dst),
                                       .a_columns = true,
                                       .b = items<Element>(op.src)};
    gemm<Element>().run(problem, store);
    std::fill_n(op.diff_bias.template as<float>(), p.out, 0.0f);
    network_.of<Element>().add_rows(op.diff_dst.template item<Element>(0), p.N, op.diff_dst.item_stride,
                                    p.out, op.diff_bias.template as<float>());
  });
}

void CpuBackend::run_op(const DenseBackwardWeights& op) {
  const DenseProblem& p = op.problem;
  const MatrixView<float> rows(op.diff_weights.as<float>(), 1, p.out * p.in, p.out, p.in, p.in, p.out * p.in);
  dense_gradients(op, [&](const GemmBlock& block) { store_backward(network_, block, {}, rows); });
}

void CpuBackend::run_op(const DenseBackwardWeightsAdam& op) {
  const DenseProblem& p = op.problem;
  const AdamStep step = adam_step(op.adam, op.state);
  dense_gradients(op, [&](const GemmBlock& block) {
    const std::int64_t columns = block.n1 - block.n0;
    for (std::int64_t row = block.m0; row < block.m1; ++row) {
      const std::int64_t first = row * p.in + block.n0;
      if (row + rows_ahead < block.m1) fetch(op.tensors, first + rows_ahead * p.in, columns);
      update(step, block.c + (row - block.m0) * block.ldc, op.tensors, first, columns);
    }
  });
}

}  // namespace bragg::cpu
