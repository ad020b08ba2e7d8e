// Adam: one pass over memory. The formula is AdamProblem's.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/adam_step.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/ops/step_state.h"

namespace bragg::cpu {

AdamStep adam_step(const AdamProblem& p, ConstTensor state, double gradient_scale) {
  const std::uint64_t steps_done = state.as<StepState>()->step;
  const auto t = static_cast<double>(steps_done + 1);
  const double learning_rate = learning_rate_at(p.learning_rate, steps_done);
  return {
      .beta1 = static_cast<float>(p.beta1),
      .one_minus_beta1 = static_cast<float>(1 - p.beta1),
      .beta2 = static_cast<float>(p.beta2),
      .one_minus_beta2 = static_cast<float>(1 - p.beta2),
      .step_size = static_cast<float>(learning_rate / (1 - std::pow(p.beta1, t))),
      .root_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(p.beta2, t))),
      .epsilon = static_cast<float>(p.epsilon),
      .kept = static_cast<float>(1 - learning_rate * p.weight_decay),
      .gradient_scale = static_cast<float>(gradient_scale),
  };
}

void CpuBackend::update(const AdamStep& step, const float* gradients, const AdamTensors& tensors,
                        std::int64_t first, std::int64_t count) const {
  constexpr std::int64_t slice = 2048;  // the new weights are still near when they are rounded
  for (const std::int64_t end = first + count; first < end; first += slice, gradients += slice) {
    const std::int64_t some = std::min(slice, end - first);
    float* weights = tensors.weights.as<float>() + first;
    network_.adam(step, gradients, some, weights, tensors.m.as<float>() + first,
                  tensors.v.as<float>() + first);
    if (tensors.working)
      network_.of<BFloat16>().store_backward(weights, some, nullptr, 1,
                                             tensors.working.as<BFloat16>() + first);
  }
}

void CpuBackend::run_op(const Adam& op) {
  const AdamProblem& p = op.problem;
  const double clip = p.clip_norm > 0 ? clip_factor(p.clip_norm, *op.norm.as<double>()) : 1;
  const AdamStep step = adam_step(p, op.state, clip);
  constexpr std::int64_t chunk = 64 * 1024;
  pool_.run((p.count + chunk - 1) / chunk, [&](std::int64_t task, int) {
    const std::int64_t first = task * chunk;
    update(step, op.gradients.as<float>() + first, op.tensors, first, std::min(chunk, p.count - first));
  });
}

}  // namespace bragg::cpu
