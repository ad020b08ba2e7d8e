// Adam: one pass over memory. The formula is AdamProblem's.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/ops/step_state.h"

namespace bragg::cpu {

void CpuBackend::run_op(const Adam& op) {
  const AdamProblem& p = op.problem;
  const Tensor weights = op.tensors.weights, m = op.tensors.m, v = op.tensors.v;
  const std::uint64_t steps_done = op.state.as<StepState>()->step;
  const auto t = static_cast<double>(steps_done + 1);
  const double learning_rate = learning_rate_at(p.learning_rate, steps_done);
  const double clip = p.clip_norm > 0 ? clip_factor(p.clip_norm, *op.norm.as<double>()) : 1;
  const AdamStep step{
      .beta1 = static_cast<float>(p.beta1),
      .one_minus_beta1 = static_cast<float>(1 - p.beta1),
      .beta2 = static_cast<float>(p.beta2),
      .one_minus_beta2 = static_cast<float>(1 - p.beta2),
      .step_size = static_cast<float>(learning_rate / (1 - std::pow(p.beta1, t))),
      .root_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(p.beta2, t))),
      .epsilon = static_cast<float>(p.epsilon),
      .kept = static_cast<float>(1 - learning_rate * p.weight_decay),
      .gradient_scale = static_cast<float>(clip),
  };
  constexpr std::int64_t chunk = 64 * 1024;
  pool_.run((p.count + chunk - 1) / chunk, [&](std::int64_t task, int) {
    const std::int64_t first = task * chunk, count = std::min(chunk, p.count - first);
    network_.adam(step, op.gradients.as<float>() + first, count, weights.as<float>() + first,
                  m.as<float>() + first, v.as<float>() + first);
  });
}

}  // namespace bragg::cpu
