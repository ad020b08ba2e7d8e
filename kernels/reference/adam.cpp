// Adam and AdamW, as torch.optim has them; the formula is AdamProblem's.
#include <cmath>

#include "kernels/ops/step_state.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const Adam& op) {
  const AdamProblem& p = op.problem;
  const Tensor weights = op.tensors.weights, m = op.tensors.m, v = op.tensors.v;
  const std::uint64_t step = op.state.as<StepState>()->step;
  const auto t = static_cast<double>(step + 1);
  const double learning_rate = learning_rate_at(p.learning_rate, step);
  const double step_size = learning_rate / (1 - std::pow(p.beta1, t));
  const double second_correction = 1 - std::pow(p.beta2, t);
  const double clip = p.clip_norm > 0 ? clip_factor(p.clip_norm, *op.norm.as<double>()) : 1;
  for (std::int64_t i = 0; i < p.count; ++i) {
    const double g = clip * op.gradients.as<double>()[i];
    double& first = m.as<double>()[i];
    double& second = v.as<double>()[i];
    first = p.beta1 * first + (1 - p.beta1) * g;
    second = p.beta2 * second + (1 - p.beta2) * g * g;
    double& weight = weights.as<double>()[i];
    weight *= 1 - learning_rate * p.weight_decay;
    weight -= step_size * first / (std::sqrt(second / second_correction) + p.epsilon);
  }
}

}  // namespace bragg::reference
