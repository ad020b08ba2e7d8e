// 1D convolution. Output t reads the kernel * C_in contiguous numbers from src[n][t * stride][0] (channels
// last).
#include <algorithm>

#include "kernels/reference/epilogue.h"
#include "kernels/reference/reference_backend.h"
#include "kernels/reference/vector_loops.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const Conv1dForward& op) {
  const Conv1dProblem& p = op.problem;
  const std::int64_t K = p.kernel * p.C_in;
  const double* w = op.weights.as<double>();  // (C_out, kernel, C_in)
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      const double* window = op.src.item<double>(n) + t * p.stride * p.C_in;
      for (std::int64_t o = 0; o < p.C_out; ++o) {
        const double sum = dot(window, w + o * K, K);
        op.dst.item<double>(n)[t * p.C_out + o] = apply(op.epilogue, sum, n * p.L_out() + t, o, p.C_out);
      }
    }
  }
}

void ReferenceBackend::run_op(const Conv1dBackwardData& op) {
  const Conv1dProblem& p = op.problem;
  const std::int64_t K = p.kernel * p.C_in;
  const double* w = op.weights.as<double>();
  for (std::int64_t n = 0; n < p.N; ++n) {
    double* gradient = op.diff_src.item<double>(n);
    std::fill_n(gradient, p.L_in * p.C_in, 0.0);
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      // What a window finds in the padding has no gradient.
      const std::int64_t begin = t * p.stride - p.pad_before;
      const std::int64_t first = std::max<std::int64_t>(begin, 0), last = std::min(begin + p.kernel, p.L_in);
      for (std::int64_t o = 0; o < p.C_out; ++o) {
        add_scaled(op.diff_dst.item<double>(n)[t * p.C_out + o], w + o * K + (first - begin) * p.C_in,
                   gradient + first * p.C_in, (last - first) * p.C_in);
      }
    }
    for (std::int64_t i = 0; i < p.L_in * p.C_in; ++i)
      gradient[i] *= derivative(op.relu, n, i);
  }
}

void ReferenceBackend::run_op(const Conv1dBackwardWeights& op) {
  const Conv1dProblem& p = op.problem;
  const std::int64_t K = p.kernel * p.C_in;
  std::fill_n(op.diff_weights.as<double>(), p.C_out * K, 0.0);
  std::fill_n(op.diff_bias.as<double>(), p.C_out, 0.0);
  for (std::int64_t o = 0; o < p.C_out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      for (std::int64_t t = 0; t < p.L_out(); ++t) {
        const double gradient = op.diff_dst.item<double>(n)[t * p.C_out + o];
        add_scaled(gradient, op.src.item<double>(n) + t * p.stride * p.C_in,
                   op.diff_weights.as<double>() + o * K, K);
        op.diff_bias.as<double>()[o] += gradient;
      }
    }
  }
}

}  // namespace bragg::reference
