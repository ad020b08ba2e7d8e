// Fully connected layer: dst = src * weights^T.
#include <algorithm>

#include "kernels/reference/epilogue.h"
#include "kernels/reference/reference_backend.h"
#include "kernels/reference/vector_loops.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const DenseForward& op) {
  const DenseProblem& p = op.problem;
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      const double sum = dot(op.src.item<double>(n), op.weights.as<double>() + o * p.in, p.in);
      op.dst.item<double>(n)[o] = apply(op.epilogue, sum, n, o, p.out);
    }
  }
}

void ReferenceBackend::run_op(const DenseBackwardData& op) {
  const DenseProblem& p = op.problem;
  for (std::int64_t n = 0; n < p.N; ++n)
    std::fill_n(op.diff_src.item<double>(n), p.in, 0.0);
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      add_scaled(op.diff_dst.item<double>(n)[o], op.weights.as<double>() + o * p.in,
                 op.diff_src.item<double>(n), p.in);
    }
  }
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t i = 0; i < p.in; ++i)
      op.diff_src.item<double>(n)[i] *= derivative(op.relu, n, i);
  }
}

void ReferenceBackend::run_op(const DenseBackwardWeights& op) {
  const DenseProblem& p = op.problem;
  std::fill_n(op.diff_weights.as<double>(), p.out * p.in, 0.0);
  std::fill_n(op.diff_bias.as<double>(), p.out, 0.0);
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      const double gradient = op.diff_dst.item<double>(n)[o];
      add_scaled(gradient, op.src.item<double>(n), op.diff_weights.as<double>() + o * p.in, p.in);
      op.diff_bias.as<double>()[o] += gradient;
    }
  }
}

}  // namespace bragg::reference
