// 1D convolution as a GEMM over overlapping views (matrix_view.h): no im2col, no copy of the
// activations.
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/epilogue.h"

namespace bragg::cpu {
namespace {

/// Row (n, t): the kernel * C_in contiguous numbers that output t of item n reads.
template <typename Element>
ConstMatrixView<Element> windows(const Conv1dProblem& p, const ConstActivations& src) {
  return {src.item<Element>(0), p.N, src.item_stride, p.L_out(), p.stride * p.C_in, p.kernel * p.C_in};
}

template <typename Element>
ConstMatrixView<Element> outputs(const Conv1dProblem& p, const ConstActivations& a) {
  return {a.item<Element>(0), p.N, a.item_stride, p.L_out(), p.C_out, p.C_out};
}

template <typename Element>
GemmProblem<Element> forward_problem(const Conv1dProblem& p, const ConstActivations& src,
                                     const Element* packed) {
  return {.M = p.N * p.L_out(),
          .N = p.C_out,
          .K = p.kernel * p.C_in,
          .a = windows<Element>(p, src),
          .packed_b = packed,
          .b = {},
          .n_multiple = 32};
}

/// Row (n, r) of the result is rows [r * stride, (r + 1) * stride) of diff_src[n]; it takes `taps` rows of
/// diff_dst, up to r + backward_shift(), each with `stride` rows of the kernel.
template <typename Element>
GemmProblem<Element> backward_data_problem(const Conv1dProblem& p, const ConstActivations& diff_dst,
                                           const Element* packed) {
  const std::int64_t taps = p.backward_taps(), rows = p.backward_steps();
  // Where only the workspace is asked for there is no data.
  const auto* data = diff_dst.item<Element>(0);
  if (data != nullptr) data += (p.backward_shift() + 1 - taps) * p.C_out;
  return {.M = p.N * rows,
          .N = p.stride * p.C_in,
          .K = taps * p.C_out,
          .a = {data, p.N, diff_dst.item_stride, rows, p.C_out, taps * p.C_out},
          .packed_b = packed,
          .b = {}};
}

/// diff_weights^T (kernel * C_in, C_out) = windows^T diff_dst: the narrow side is the one in vectors. K, all
/// outputs of the batch, is cut into parts that are added up in order.
template <typename Element>
GemmProblem<Element> backward_weights_problem(const Conv1dProblem& p, const ConstActivations& src,
                                              const ConstActivations& diff_dst, float* partial, float* sums) {
  constexpr std::int64_t shortest_part = 2048, most_parts = 64, most_partial_floats = std::int64_t{3} << 20;
  const std::int64_t M = p.kernel * p.C_in, K = p.N * p.L_out();
  return {.M = M,
          .N = p.C_out,
          .K = K,
          .a = windows<Element>(p, src),
          .a_columns = true,
          .b = outputs<Element>(p, diff_dst),
          .parts = std::clamp(std::min(K / shortest_part, most_partial_floats / (M * p.C_out)),
                              std::int64_t{1}, most_parts),
          .partial = partial,
          .column_sums = sums};
}

}  // namespace

std::optional<Conv1dGradient> CpuBackend::gradient_in_tiles(const Conv1dProblem& p) const {
  if (!in_bf16_ || network_.of<BFloat16>().windows == nullptr) return {};
  return Conv1dGradient(p, network_.of<BFloat16>(), pool_.size());
}

std::size_t CpuBackend::workspace_of(const Conv1dProblem& p) const {
  if (p.N == 0) return 0;
  return with_element_type([&]<typename Element>() -> std::size_t {
    const auto in_tiles = gradient_in_tiles(p);
    const auto forward = forward_problem<Element>(p, {}, nullptr);
    const auto backward = backward_data_problem<Element>(p, {}, nullptr);
    const GemmCut cut = gemm<Element>().cut(backward_weights_problem<Element>(p, {}, {}, nullptr, nullptr));
    const std::int64_t packed = std::max(gemm<Element>().packed_count(forward.K, forward.N),
                                         gemm<Element>().packed_count(backward.K, backward.N)),
                       sums = cut.parts * (cut.padded_M + 1) * cut.padded_N;
    return std::max(sizeof(Element) * static_cast<std::size_t>(packed),
                    in_tiles ? in_tiles->workspace() : sizeof(float) * static_cast<std::size_t>(sums));
  });
}

void CpuBackend::run_op(const Conv1dForward& op) {
  const Conv1dProblem& p = op.problem;
  with_element_type([&]<typename Element>() {
    const Gemm<Element>& gemm = this->gemm<Element>();
    auto* packed = static_cast<Element*>(workspace("conv1d_forward", workspace_of(p)));
    const GemmProblem problem = forward_problem<Element>(p, op.src, packed);
    gemm.pack_b_columns({op.weights.as<Element>(), 1, 0, p.C_out, problem.K, problem.K}, problem.K, packed);
    const MatrixView<Element> rows(op.dst.item<Element>(0), p.N, op.dst.item_stride, p.L_out(), p.C_out,
                                   p.C_out, p.L_out() * p.C_out);
    gemm.run(problem, [&](const GemmBlock& block) {
      store_forward(network_, gemm.scratch(block.worker).words, block, op.epilogue, rows);
    });
  });
}

void CpuBackend::run_op(const Conv1dBackwardData& op) {
  const Conv1dProblem& p = op.problem;
  with_element_type([&]<typename Element>() {
    const Gemm<Element>& gemm = this->gemm<Element>();
    auto* packed = static_cast<Element*>(workspace("conv1d_backward_data", workspace_of(p)));
    const GemmProblem problem = backward_data_problem<Element>(p, op.diff_dst, packed);
    // Row (i, o) of B: the part of the kernel of output o that meets tap i, nothing beyond the kernel's end.
    gemm.pack_b_rows(
        problem.K, problem.N,
        [&](std::int64_t k) -> RowOfB<Element> {
          const std::int64_t o = k % p.C_out, tap = p.backward_taps() - 1 - k / p.C_out;
          const std::int64_t begin = tap * p.stride - p.backward_zeros(), end = begin + p.stride;
          const std::int64_t first = std::max<std::int64_t>(begin, 0), last = std::min(end, p.kernel);
          return {op.weights.as<Element>() + (o * p.kernel + first) * p.C_in, (last - first) * p.C_in,
                  (first - begin) * p.C_in};
        },
        packed);
    const MatrixView<Element> rows(op.diff_src.item<Element>(0), p.N, op.diff_src.item_stride,
                                   problem.a.rows_per_item, problem.N, problem.N, p.L_in * p.C_in);
    gemm.run(problem, [&](const GemmBlock& block) { store_backward(network_, block, op.relu, rows); });
  });
}

void CpuBackend::run_op(const Conv1dBackwardWeights& op) {
  const Conv1dProblem& p = op.problem;
  auto* partial = static_cast<float*>(workspace("conv1d_backward_weights", workspace_of(p)));
  if (const auto in_tiles = gradient_in_tiles(p)) {
    in_tiles->run(op, network_, pool_, partial);
    return;
  }
  const std::int64_t M = p.kernel * p.C_in;
  float* sums = nullptr;
  const GemmCut cut = with_element_type([&]<typename Element>() {
    GemmProblem problem = backward_weights_problem<Element>(p, op.src, op.diff_dst, partial, nullptr);
    const GemmCut how = gemm<Element>().cut(problem);
    problem.column_sums = sums = partial + how.parts * how.padded_M * how.padded_N;
    gemm<Element>().run(problem, {});
    return how;
  });

  // The parts in order, transposed back to (C_out, kernel, C_in).
  const std::int64_t part_floats = cut.padded_M * cut.padded_N;
  constexpr std::int64_t rows = 32;
  pool_.run((M + rows - 1) / rows, [&](std::int64_t task, int) {
    const std::int64_t first = task * rows, last = std::min(first + rows, M);
    for (std::int64_t part = 1; part < cut.parts; ++part) {
      network_.add_rows(partial + part * part_floats + first * cut.padded_N, 1, 0,
                        (last - first) * cut.padded_N, partial + first * cut.padded_N);
    }
    for (std::int64_t o = 0; o < p.C_out; ++o) {
      for (std::int64_t i = first; i < last; ++i)
        op.diff_weights.as<float>()[o * M + i] = partial[i * cut.padded_N + o];
    }
  });
  std::copy_n(sums, p.C_out, op.diff_bias.as<float>());
  network_.add_rows(sums + cut.padded_N, cut.parts - 1, cut.padded_N, p.C_out, op.diff_bias.as<float>());
}

}  // namespace bragg::cpu
