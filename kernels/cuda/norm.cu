// The Euclidean norm in one launch: a part to each block, which the block that finishes last adds up in order.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/last_block.cuh"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

/// Count is in packs of V, and a thread's sum is of every (blocks * threads)-th.
template <int V>
__global__ void __launch_bounds__(threads)
    norm_of_values(std::int64_t count, const float* __restrict__ values, double* parts, unsigned* ticket,
                   double* norm) {
  wait_for_previous_kernel();
  const std::int64_t stride = std::int64_t{gridDim.x} * threads,
                     first = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  double sums[V] = {};
  for (std::int64_t i = first; i < count; i += stride) {
    const Pack<float, V> x = load<V>(values + i * V);
#pragma unroll
    for (int k = 0; k < V; ++k)
      sums[k] += static_cast<double>(x.at[k]) * static_cast<double>(x.at[k]);
  }
  double mine = 0;
#pragma unroll
  for (int k = 0; k < V; ++k)
    mine += sums[k];
  const double part = sum_in_order<threads, double>(threads, [mine](std::int64_t) { return mine; });
  if (threadIdx.x == 0) parts[blockIdx.x] = part;
  if (!is_last_block(ticket)) return;
  const volatile double* const all = parts;  // written by other blocks: not from a stale cache line
  const double sum = sum_in_order<threads, double>(gridDim.x, [all](std::int64_t i) { return all[i]; });
  if (threadIdx.x != 0) return;
  *norm = sqrt(sum);
  *ticket = 0;
}

}  // namespace

std::size_t CudaBackend::workspace_of(const NormProblem& p) const {
  return sizeof(double) * blocks_for(p.count, threads);
}

void CudaBackend::run_op(const Norm& op) {
  const NormProblem& p = op.problem;
  constexpr int V = 4;
  const bool in_packs = p.count % V == 0 && holds_packs<V>(op.values.as<float>(), V);
  const std::int64_t count = in_packs ? p.count / V : p.count;
  launch([&] { return text(op); }, launches(), {dim3(blocks_for(count, threads)), dim3(threads)},
         in_packs ? norm_of_values<V> : norm_of_values<1>, count, op.values.as<float>(),
         static_cast<double*>(workspace("norm", workspace_of(p))),
         reinterpret_cast<unsigned*>(ticket_.data()), op.norm.as<double>());
}

}  // namespace bragg::cuda
