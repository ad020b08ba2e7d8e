// Adam over a whole arena in one launch. The formula is AdamProblem's.
#include <array>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/pack.cuh"
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

/// Count is in packs of V. `working`: the new weights rounded, or nullptr.
template <int V>
__global__ void __launch_bounds__(threads)
    adam_step(const AdamConstants p, std::int64_t count, const StepState* state,
              const float* __restrict__ gradients, float* __restrict__ weights, float* __restrict__ m,
              float* __restrict__ v, BFloat16* __restrict__ working) {
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
    const Pack<float, V> g = load<V>(gradients + i * V);
    Pack<float, V> first = load<V>(m + i * V), second = load<V>(v + i * V), w = load<V>(weights + i * V);
    Pack<BFloat16, V> rounded;
#pragma unroll
    for (int k = 0; k < V; ++k) {
      first.at[k] = p.beta1 * first.at[k] + p.one_minus_beta1 * g.at[k];
      second.at[k] = p.beta2 * second.at[k] + p.one_minus_beta2 * (g.at[k] * g.at[k]);
      w.at[k] -= size * first.at[k] / (sqrtf(second.at[k]) * root + p.epsilon);
      rounded.at[k] = rounded_to<BFloat16>(w.at[k]);
    }
    store(m + i * V, first);
    store(v + i * V, second);
    store(weights + i * V, w);
    if (working) store(working + i * V, rounded);
  }
}

}  // namespace

void CudaBackend::do_adam(const AdamProblem& p, Tensor weights, ConstTensor gradients, Tensor m, Tensor v,
                          Tensor working, ConstTensor state) {
  constexpr int V = 4;
  bool in_packs = p.count % V == 0 && holds_packs<V>(working.as<BFloat16>(), V);
  for (const ConstTensor& arena : std::array<ConstTensor, 4>{weights, gradients, m, v})
    in_packs = in_packs && holds_packs<V>(arena.as<float>(), V);
  const std::int64_t count = in_packs ? p.count / V : p.count;
  launch([&] { return text("adam", p); }, stream_.get(), {dim3(blocks_for(count, threads)), dim3(threads)},
         in_packs ? adam_step<V> : adam_step<1>, AdamConstants(p), count, state.as<StepState>(),
         gradients.as<float>(), weights.as<float>(), m.as<float>(), v.as<float>(), working.as<BFloat16>());
}

}  // namespace bragg::cuda
