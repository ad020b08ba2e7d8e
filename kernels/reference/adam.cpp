// Adam, as torch.optim.Adam; the formula is AdamProblem's.
#include <cmath>

#include "kernels/ops/step_state.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const Adam& op) {
  const AdamProblem& p = op.problem;
  const Tensor weights = op.tensors.weights, m = op.tensors.m, v = op.tensors.v;
  const auto t = static_cast<double>(op.state.as<StepState>()->step + 1);
  const double step_size = p.learning_rate / (1 - std::pow(p.beta1, t));
  const double second_correction = 1 - std::pow(p.beta2, t);
  for (std::int64_t i = 0; i < p.count; ++i) {
    const double g = op.gradients.as<double>()[i];
    double& first = m.as<double>()[i];
    double& second = v.as<double>()[i];
    first = p.beta1 * first + (1 - p.beta1) * g;
    second = p.beta2 * second + (1 - p.beta2) * g * g;
    weights.as<double>()[i] -= step_size * first / (std::sqrt(second / second_correction) + p.epsilon);
  }
}

}  // namespace bragg::reference
