// One element of Adam. The formula is AdamProblem's; the optimizer's kernel and the products that update
// weights themselves share it, so that they agree bit for bit.
#pragma once

#include <cuda_runtime.h>

#include "kernels/ops/adam.h"
#include "kernels/ops/epilogue.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {

struct AdamConstants {
  LearningRate learning_rate;
  double beta1_f64, beta2_f64, weight_decay, clip_norm;
  float beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon;

  explicit AdamConstants(const AdamProblem& p)
      : learning_rate(p.learning_rate),
        beta1_f64(p.beta1),
        beta2_f64(p.beta2),
        weight_decay(p.weight_decay),
        clip_norm(p.clip_norm),
        beta1(static_cast<float>(p.beta1)),
        one_minus_beta1(static_cast<float>(1 - p.beta1)),
        beta2(static_cast<float>(p.beta2)),
        one_minus_beta2(static_cast<float>(1 - p.beta2)),
        epsilon(static_cast<float>(p.epsilon)) {}
};

/// What depends on the step, which only the device knows.
struct AdamFactors {
  float size, root_correction;
  float kept;  ///< of a weight that decays
};

/// By squaring: 40 multiplications for a million steps.
__device__ inline double power(double base, std::uint64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

__device__ inline AdamFactors factors_of(const AdamConstants& p, const StepState& state) {
  const std::uint64_t t = state.step + 1;
  const double learning_rate = learning_rate_at(p.learning_rate, state.step);
  return {static_cast<float>(learning_rate / (1 - power(p.beta1_f64, t))),
          static_cast<float>(1 / sqrt(1 - power(p.beta2_f64, t))),
          static_cast<float>(1 - learning_rate * p.weight_decay)};
}

__device__ inline void adam_step(const AdamConstants& p, const AdamFactors& factors, float gradient,
                                 float& weight, float& m, float& v) {
  // Where to round is not left to the compiler: it may decide otherwise in another kernel.
  m = fmaf(p.beta1, m, p.one_minus_beta1 * gradient);
  v = fmaf(p.beta2, v, p.one_minus_beta2 * (gradient * gradient));
  weight =
      fmaf(weight, factors.kept, -(factors.size * m / fmaf(sqrtf(v), factors.root_correction, p.epsilon)));
}

}  // namespace bragg::cuda
