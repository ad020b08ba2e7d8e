// Adam over a whole arena in one launch. The formula is AdamProblem's.
#include <array>

#include "kernels/cuda/adam_step.cuh"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

/// Count is in packs of V. `norm`: of the gradients, or nullptr where they are not clipped; `working`: the new
/// weights rounded, or nullptr.
template <int V>
__global__ void __launch_bounds__(threads)
    adam_arena(const AdamConstants p, std::int64_t count, const StepState* state, const double* norm,
               const float* __restrict__ gradients, float* __restrict__ weights, float* __restrict__ m,
               float* __restrict__ v, BFloat16* __restrict__ working) {
  wait_for_previous_kernel();
  __shared__ AdamFactors factors;
  __shared__ float gradient_scale;
  if (threadIdx.x == 0) {
    factors = factors_of(p, *state);
    gradient_scale = norm ? static_cast<float>(clip_factor(p.clip_norm, *norm)) : 1.0f;
  }
  __syncthreads();
  const std::int64_t stride = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < count; i += stride) {
    const Pack<float, V> g = load<V>(gradients + i * V);
    Pack<float, V> first = load<V>(m + i * V), second = load<V>(v + i * V), w = load<V>(weights + i * V);
    Pack<BFloat16, V> rounded;
#pragma unroll
    for (int k = 0; k < V; ++k) {
      adam_step(p, factors, g.at[k] * gradient_scale, w.at[k], first.at[k], second.at[k]);
      rounded.at[k] = rounded_to<BFloat16>(w.at[k]);
    }
    store(m + i * V, first);
    store(v + i * V, second);
    store(weights + i * V, w);
    if (working) store(working + i * V, rounded);
  }
}

}  // namespace

void CudaBackend::run_op(const Adam& op) {
  const AdamProblem& p = op.problem;
  const Tensor weights = op.tensors.weights, m = op.tensors.m, v = op.tensors.v, working = op.tensors.working;
  constexpr int V = 4;
  bool in_packs = p.count % V == 0 && holds_packs<V>(working.as<BFloat16>(), V);
  for (const ConstTensor& arena : std::array<ConstTensor, 4>{weights, op.gradients, m, v})
    in_packs = in_packs && holds_packs<V>(arena.as<float>(), V);
  const std::int64_t count = in_packs ? p.count / V : p.count;
  launch([&] { return text(op); }, launches(), {dim3(blocks_for(count, threads)), dim3(threads)},
         in_packs ? adam_arena<V> : adam_arena<1>, AdamConstants(p), count, op.state.as<StepState>(),
         p.clip_norm > 0 ? op.norm.as<double>() : nullptr, op.gradients.as<float>(), weights.as<float>(),
         m.as<float>(), v.as<float>(), working.as<BFloat16>());
}

}  // namespace bragg::cuda
