// Adam, as torch.optim.Adam; the formula is AdamProblem's.
#include <cmath>

#include "kernels/cpu/cpu_backend.h"

namespace bragg::cpu {

void CpuBackend::do_adam(const AdamProblem& p, Tensor weights, ConstTensor gradients, Tensor m, Tensor v,
                         ConstTensor state) {
  const auto t = static_cast<double>(state.as<StepState>()->step + 1);
  const double step_size = p.learning_rate / (1 - std::pow(p.beta1, t));
  const double second_correction = 1 - std::pow(p.beta2, t);
  for (std::int64_t i = 0; i < p.count; ++i) {
    const double g = gradients.as<float>()[i];
    float& first = m.as<float>()[i];
    float& second = v.as<float>()[i];
    first = p.beta1 * first + (1 - p.beta1) * g;
    second = p.beta2 * second + (1 - p.beta2) * g * g;
    weights.as<float>()[i] -= step_size * first / (std::sqrt(second / second_correction) + p.epsilon);
  }
}

}  // namespace bragg::cpu
