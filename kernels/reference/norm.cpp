// The Euclidean norm.
#include <cmath>

#include "kernels/reference/reference_backend.h"
#include "kernels/reference/vector_loops.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const Norm& op) {
  const double* values = op.values.as<double>();
  *op.norm.as<double>() = std::sqrt(dot(values, values, op.problem.count));
}

}  // namespace bragg::reference
