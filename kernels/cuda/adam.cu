// Adam over a whole arena in one launch. The formula is AdamProblem's.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/problem_text.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

struct AdamConstants {
  double learning_rate, beta1_f64, beta2_f64;
  float beta1, one_minus_beta1, beta2, one_minus_beta2, epsilon;

  explicit AdamConstants(const AdamProblem& p)
      : learning_rate(p.learning_rate),
        beta1_f64(p.beta1),
        beta2_f64(p.beta2),
        beta1(static_cast<float>(p.beta1)),
        one_minus_beta1(static_cast<float>(1 - p.beta1)),
        beta2(static_cast<float>(p.beta2)),
        one_minus_beta2(static_cast<float>(1 - p.beta2)),
        epsilon(static_cast<float>(p.epsilon)) {}
};

__global__ void __launch_bounds__(threads)
    adam_step(const AdamConstants p, std::int64_t count, const StepState* state,
              const float* __restrict__ gradients, float* __restrict__ weights, float* __restrict__ m,
              float* __restrict__ v) {
  // The bias corrections depend on the step, which only the device knows: once per block, in double.
  __shared__ float step_size, root_correction;
  if (threadIdx.x == 0) {
    const auto t = static_cast<double>(state->step + 1);
    step_size = static_cast<float>(p.learning_rate / (1 - pow(p.beta1_f64, t)));
    root_correction = static_cast<float>(1 / sqrt(1 - pow(p.beta2_f64, t)));
  }
  __syncthreads();
  const float size = step_size, root = root_correction;
  const std::int64_t stride = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < count; i += stride) {
    const float g = gradients[i];
    const float first = p.beta1 * m[i] + p.one_minus_beta1 * g;
    const float second = p.beta2 * v[i] + p.one_minus_beta2 * (g * g);
    m[i] = first;
    v[i] = second;
    weights[i] -= size * first / (sqrtf(second) * root + p.epsilon);
  }
}

}  // namespace

void CudaBackend::do_adam(const AdamProblem& p, Tensor weights, ConstTensor gradients, Tensor m, Tensor v,
                          ConstTensor state) {
  launch([&] { return text("adam", p); }, stream_.get(), {dim3(blocks_for(p.count, threads)), dim3(threads)},
         adam_step, AdamConstants(p), p.count, state.as<StepState>(), gradients.as<float>(),
         weights.as<float>(), m.as<float>(), v.as<float>());
}

}  // namespace bragg::cuda
