// Element by element.
#include "kernels/reference/epilogue.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const AddForward& op) {
  const AddProblem& p = op.problem;
  for (std::int64_t n = 0; n < p.N; ++n) {
    const double *a = op.a.item<double>(n), *b = op.b.data ? op.b.item<double>(n) : nullptr;
    for (std::int64_t i = 0; i < p.L * p.C; ++i)
      op.dst.item<double>(n)[i] = apply(op.epilogue, b ? a[i] + b[i] : a[i], n * p.L + i / p.C, i % p.C, p.C);
  }
}

void ReferenceBackend::run_op(const AddBackward& op) {
  const AddProblem& p = op.problem;
  for (std::int64_t n = 0; n < p.N; ++n) {
    const double *a = op.diff_a.item<double>(n), *b = op.diff_b.data ? op.diff_b.item<double>(n) : nullptr;
    for (std::int64_t i = 0; i < p.L * p.C; ++i)
      op.diff_src.item<double>(n)[i] = (b ? a[i] + b[i] : a[i]) * derivative(op.relu, n, i);
  }
}

}  // namespace bragg::reference
