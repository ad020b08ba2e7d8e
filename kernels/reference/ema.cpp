// The exponential moving average of weights; the formula is EmaProblem's.
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const Ema& op) {
  const EmaProblem& p = op.problem;
  for (std::int64_t i = 0; i < p.count; ++i) {
    double& average = op.average.as<double>()[i];
    average = p.decay * average + (1 - p.decay) * op.weights.as<double>()[i];
  }
}

}  // namespace bragg::reference
