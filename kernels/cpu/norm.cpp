// The Euclidean norm: chunks by any thread, added up in order.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/cpu_backend.h"

namespace bragg::cpu {
namespace {

constexpr std::int64_t chunk = 64 * 1024;

std::int64_t chunks_of(const NormProblem& p) {
  return (p.count + chunk - 1) / chunk;
}

}  // namespace

std::size_t CpuBackend::workspace_of(const NormProblem& p) const {
  return sizeof(double) * static_cast<std::size_t>(chunks_of(p));
}

void CpuBackend::run_op(const Norm& op) {
  const NormProblem& p = op.problem;
  auto* squares = static_cast<double*>(workspace("norm", workspace_of(p)));
  pool_.run(chunks_of(p), [&](std::int64_t task, int) {
    const std::int64_t first = task * chunk;
    squares[task] = network_.sum_of_squares(op.values.as<float>() + first, std::min(chunk, p.count - first));
  });
  double sum = 0;
  for (std::int64_t task = 0; task < chunks_of(p); ++task)
    sum += squares[task];
  *op.norm.as<double>() = std::sqrt(sum);
}

}  // namespace bragg::cpu
