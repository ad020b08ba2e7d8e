// The exponential moving average of a whole arena in one launch; the formula is EmaProblem's.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

/// Count is in packs of V.
template <int V>
__global__ void __launch_bounds__(threads)
    average_in(std::int64_t count, float decay, float rest, const float* __restrict__ weights,
               float* __restrict__ average) {
  wait_for_previous_kernel();
  const std::int64_t stride = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < count; i += stride) {
    const Pack<float, V> w = load<V>(weights + i * V);
    Pack<float, V> e = load<V>(average + i * V);
#pragma unroll
    for (int k = 0; k < V; ++k)
      e.at[k] = fmaf(decay, e.at[k], rest * w.at[k]);
    store(average + i * V, e);
  }
}

}  // namespace

void CudaBackend::run_op(const Ema& op) {
  const EmaProblem& p = op.problem;
  constexpr int V = 4;
  const bool in_packs = p.count % V == 0 && holds_packs<V>(op.weights.as<float>(), V) &&
                        holds_packs<V>(op.average.as<float>(), V);
  const std::int64_t count = in_packs ? p.count / V : p.count;
  // Of the rounded decay, so that both make exactly 1: else the average of 0.9999 settles 1.7e-4 beside the
  // weights.
  const float decay = static_cast<float>(p.decay), rest = 1 - decay;
  launch([&] { return text(op); }, launches(), {dim3(blocks_for(count, threads)), dim3(threads)},
         in_packs ? average_in<V> : average_in<1>, count, decay, rest, op.weights.as<float>(),
         op.average.as<float>());
}

}  // namespace bragg::cuda
