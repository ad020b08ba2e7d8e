// Average pooling.
#include <algorithm>

#include "kernels/reference/epilogue.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

/// Rows [first, last) of src that output t is a mean of.
struct Window {
  std::int64_t first, last;
};
Window window(const AvgPool1dProblem& p, std::int64_t t) {
  const std::int64_t begin = t * p.stride - p.pad_before;
  return {std::max<std::int64_t>(begin, 0), std::min(begin + p.kernel, p.L_in)};
}

}  // namespace

void ReferenceBackend::run_op(const AvgPool1dForward& op) {
  const AvgPool1dProblem& p = op.problem;
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      const auto [first, last] = window(p, t);
      for (std::int64_t c = 0; c < p.C; ++c) {
        double sum = 0;
        for (std::int64_t l = first; l < last; ++l)
          sum += op.src.item<double>(n)[l * p.C + c];
        op.dst.item<double>(n)[t * p.C + c] = sum / static_cast<double>(p.kernel);
      }
    }
  }
}

void ReferenceBackend::run_op(const AvgPool1dBackward& op) {
  const AvgPool1dProblem& p = op.problem;
  for (std::int64_t n = 0; n < p.N; ++n) {
    double* gradient = op.diff_src.item<double>(n);
    std::fill_n(gradient, p.L_in * p.C, 0.0);
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      const auto [first, last] = window(p, t);
      for (std::int64_t l = first; l < last; ++l) {
        for (std::int64_t c = 0; c < p.C; ++c) {
          gradient[l * p.C + c] += op.diff_dst.item<double>(n)[t * p.C + c] / static_cast<double>(p.kernel);
        }
      }
    }
    for (std::int64_t i = 0; i < p.L_in * p.C; ++i)
      gradient[i] *= derivative(op.relu, n, i);
  }
}

}  // namespace bragg::reference
