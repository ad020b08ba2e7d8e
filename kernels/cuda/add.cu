// Element by element: memory-bound, a thread per V neighbouring channels.
#include "kernels/cuda/by_packs.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/device/forward_tail.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"

namespace bragg::cuda {
namespace {

/// a + b, or a alone, of V elements from element `at` of the item.
template <int V, typename T>
__device__ Pack<float, V> sum(const Items<const T>& a, const Items<const T>& b, std::int64_t item,
                              std::int64_t at) {
  const Pack<T, V> of_a = load<V>(a.data + item * a.stride + at);
  Pack<float, V> result;
#pragma unroll
  for (int v = 0; v < V; ++v)
    result.at[v] = as_float(of_a.at[v]);
  if (b.data == nullptr) return result;
  const Pack<T, V> of_b = load<V>(b.data + item * b.stride + at);
#pragma unroll
  for (int v = 0; v < V; ++v)
    result.at[v] += as_float(of_b.at[v]);
  return result;
}

/// Grid: (items, chunks of an item's packs). `length` elements an item, rows of C.
template <typename T, int V>
__global__ void __launch_bounds__(element_threads)
    add_forward(std::int32_t length, std::int32_t C, Division by_C, const Items<const T> a,
                const Items<const T> b, const float* bias, const ForwardTail tail, const Items<T> dst) {
  wait_for_previous_kernel();
  const std::int32_t at = static_cast<std::int32_t>(blockIdx.y * element_threads + threadIdx.x) * V;
  if (at >= length) return;
  const auto t = static_cast<std::int32_t>(by_C.quotient(static_cast<std::uint32_t>(at)));
  const std::int32_t c = at - t * C;
  const Pack<float, V> sums = sum<V>(a, b, blockIdx.x, at);
  Pack<T, V> result;
#pragma unroll
  for (int v = 0; v < V; ++v) {
    float x = sums.at[v];
    if (bias != nullptr) x += bias[c + v];
    result.at[v] = rounded_to<T>(tail(x, blockIdx.x, length, t, c + v, C));
  }
  store(dst.data + blockIdx.x * dst.stride + at, result);
}

/// Grid: (items, chunks of an item's packs).
template <typename T, int V>
__global__ void __launch_bounds__(element_threads)
    add_backward(std::int32_t length, const Items<const T> a, const Items<const T> b,
                 const Items<const T> src, float scale, const Items<T> dst) {
  wait_for_previous_kernel();
  const std::int32_t at = static_cast<std::int32_t>(blockIdx.y * element_threads + threadIdx.x) * V;
  if (at >= length) return;
  Pack<float, V> sums = sum<V>(a, b, blockIdx.x, at);
  if (src.data != nullptr) {
    const Pack<T, V> y = load<V>(src.data + blockIdx.x * src.stride + at);
#pragma unroll
    for (int v = 0; v < V; ++v)
      sums.at[v] *= as_float(y.at[v]) > 0 ? scale : 0.0f;  // a NaN stays one
  }
  Pack<T, V> result;
#pragma unroll
  for (int v = 0; v < V; ++v)
    result.at[v] = rounded_to<T>(sums.at[v]);
  store(dst.data + blockIdx.x * dst.stride + at, result);
}

}  // namespace

void CudaBackend::run_op(const AddForward& op) {
  const AddProblem& p = op.problem;
  const ForwardTail tail(op.epilogue);
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) {
      launch([&] { return text(op); }, launches(), shape_of_elements(p, V), add_forward<T, V>,
             static_cast<std::int32_t>(p.L * p.C), static_cast<std::int32_t>(p.C), Division(p.C),
             items<T>(op.a), items<T>(op.b), op.epilogue.bias.as<float>(), tail, items<T>(op.dst));
    };
    by_packs<T>(p.C, run, op.dst, op.a, op.b);
  });
}

void CudaBackend::run_op(const AddBackward& op) {
  const AddProblem& p = op.problem;
  const auto scale = static_cast<float>(1.0 / (1.0 - double{op.relu.p}));
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) {
      launch([&] { return text(op); }, launches(), shape_of_elements(p, V), add_backward<T, V>,
             static_cast<std::int32_t>(p.L * p.C), items<T>(op.diff_a), items<T>(op.diff_b),
             items<T>(op.relu.src), scale, items<T>(op.diff_src));
    };
    by_packs<T>(p.C, run, op.diff_src, op.diff_a, op.diff_b, op.relu.src);
  });
}

}  // namespace bragg::cuda
