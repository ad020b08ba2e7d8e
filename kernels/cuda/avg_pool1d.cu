// Average pooling: memory-bound, a thread per V neighbouring channels.
#include "kernels/cuda/by_packs.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

/// Sizes in packs of V channels, strides in elements.
struct Pool {
  std::int32_t L_in, L_out, C, packs, kernel, stride, pad_before;
  std::int64_t src_item_stride, dst_item_stride;
  Division by_packs, by_stride;

  Pool(const AvgPool1dProblem& p, int V, std::int64_t src_stride, std::int64_t dst_stride)
      : L_in(static_cast<std::int32_t>(p.L_in)),
        L_out(static_cast<std::int32_t>(p.L_out())),
        C(static_cast<std::int32_t>(p.C)),
        packs(static_cast<std::int32_t>(p.C / V)),
        kernel(static_cast<std::int32_t>(p.kernel)),
        stride(static_cast<std::int32_t>(p.stride)),
        pad_before(static_cast<std::int32_t>(p.pad_before)),
        src_item_stride(src_stride),
        dst_item_stride(dst_stride),
        by_packs(packs),
        by_stride(p.stride) {}
};

template <typename T, int V>
__device__ void add(float (&sum)[V], const Pack<T, V>& values) {
#pragma unroll
  for (int v = 0; v < V; ++v)
    sum[v] += as_float(values.at[v]);
}

/// Grid: (items, chunks of an item's packs of dst).
template <typename T, int V>
__global__ void __launch_bounds__(threads)
    pool_forward(const Pool p, const T* __restrict__ src, float share, T* __restrict__ dst) {
  wait_for_previous_kernel();
  const std::int32_t i = static_cast<std::int32_t>(blockIdx.y * threads + threadIdx.x);
  if (i >= p.L_out * p.packs) return;
  const auto t = static_cast<std::int32_t>(p.by_packs.quotient(static_cast<std::uint32_t>(i)));
  const std::int32_t begin = t * p.stride - p.pad_before, last = min(begin + p.kernel, p.L_in);
  const T* item = src + blockIdx.x * p.src_item_stride + (i - t * p.packs) * V;
  float sum[V] = {};
  for (std::int32_t l = max(begin, 0); l < last; ++l)
    add(sum, load<V>(item + std::int64_t{l} * p.C));
  Pack<T, V> mean;
#pragma unroll
  for (int v = 0; v < V; ++v)
    mean.at[v] = rounded_to<T>(sum[v] * share);
  store(dst + blockIdx.x * p.dst_item_stride + std::int64_t{i} * V, mean);
}

/// Which elements of src pass their gradient on: all, where there is no src.
template <typename T>
struct PassWherePositive {
  const T* src;
  std::int64_t item_stride;

  /// Bits of V elements from element `at` of row l of an item.
  template <int V>
  __device__ std::uint32_t bits(const Pool&, std::int64_t item, std::int32_t /*l*/, std::int64_t at) const {
    if (src == nullptr) return 0xFFFFFFFFu;
    const Pack<T, V> y = load<V>(src + item * item_stride + at);
    std::uint32_t passes = 0;
#pragma unroll
    for (int v = 0; v < V; ++v)
      passes |= (as_float(y.at[v]) > 0 ? 1u : 0u) << v;
    return passes;
  }
};
/// The same by KeptBits.
struct PassWhereKept {
  const std::uint32_t* words;
  std::int32_t words_per_row;

  template <int V>
  __device__ std::uint32_t bits(const Pool& p, std::int64_t item, std::int32_t l, std::int64_t at) const {
    const auto c = static_cast<std::uint32_t>(at - std::int64_t{l} * p.C);
    return words[(item * p.L_in + l) * words_per_row + c / 32] >> c % 32;
  }
};

/// Row l of src is in the windows t with t * stride <= l + pad_before < t * stride + kernel. Grid: (items,
/// chunks of an item's packs of src).
template <typename T, int V, typename Passes>
__global__ void __launch_bounds__(threads)
    pool_backward(const Pool p, const T* __restrict__ diff_dst, const Passes passes, float scale,
                  T* __restrict__ diff_src) {
  wait_for_previous_kernel();
  const std::int32_t i = static_cast<std::int32_t>(blockIdx.y * threads + threadIdx.x);
  if (i >= p.L_in * p.packs) return;
  const auto l = static_cast<std::int32_t>(p.by_packs.quotient(static_cast<std::uint32_t>(i)));
  const std::int32_t row = l + p.pad_before;
  const auto last_window = static_cast<std::int32_t>(p.by_stride.quotient(static_cast<std::uint32_t>(row)));
  const std::int32_t last = min(last_window, p.L_out - 1);
  const std::int32_t first =
      row < p.kernel
          ? 0
          : static_cast<std::int32_t>(p.by_stride.quotient(static_cast<std::uint32_t>(row - p.kernel))) + 1;
  const T* gradient = diff_dst + blockIdx.x * p.dst_item_stride + (i - l * p.packs) * V;
  float sum[V] = {};
  for (std::int32_t t = first; t <= last; ++t)
    add(sum, load<V>(gradient + std::int64_t{t} * p.C));
  const std::int64_t at = std::int64_t{i} * V;
  const std::uint32_t pass = passes.template bits<V>(p, blockIdx.x, l, at);
  Pack<T, V> result;
#pragma unroll
  for (int v = 0; v < V; ++v) {
    sum[v] *= scale;
    if ((pass >> v & 1) == 0) sum[v] *= 0.0f;  // a NaN stays one
    result.at[v] = rounded_to<T>(sum[v]);
  }
  store(diff_src + blockIdx.x * p.src_item_stride + at, result);
}

dim3 grid_of(std::int64_t packs, std::int64_t items) {
  return dim3(static_cast<unsigned>(items), static_cast<unsigned>((packs + threads - 1) / threads));
}

/// `src`: what `passes` reads of the element type, or nothing.
template <typename T, typename Describe, typename Passes>
void run_pool_backward(const Describe& describe, const LaunchTarget& launches, const AvgPool1dProblem& p,
                       const ConstActivations& diff_dst, const Activations& diff_src, const Passes& passes,
                       float dropout, const ConstActivations& src) {
  const auto scale = static_cast<float>(1.0 / static_cast<double>(p.kernel) / (1.0 - double{dropout}));
  const auto run = [&]<int V>(std::integral_constant<int, V>) {
    launch(describe, launches, {grid_of(p.L_in * p.C / V, p.N), dim3(threads)}, pool_backward<T, V, Passes>,
           Pool(p, V, diff_src.item_stride, diff_dst.item_stride), diff_dst.item<T>(0), passes, scale,
           diff_src.item<T>(0));
  };
  by_packs<T>(p.C, run, diff_src, diff_dst, src);
}

}  // namespace

void CudaBackend::run_op(const AvgPool1dForward& op) {
  const AvgPool1dProblem& p = op.problem;
  const auto share = static_cast<float>(1.0 / static_cast<double>(p.kernel));
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) {
      launch([&] { return text(op); }, launches(), {grid_of(p.L_out() * p.C / V, p.N), dim3(threads)},
             pool_forward<T, V>, Pool(p, V, op.src.item_stride, op.dst.item_stride), op.src.item<T>(0), share,
             op.dst.item<T>(0));
    };
    by_packs<T>(p.C, run, op.dst, op.src);
  });
}

void CudaBackend::run_op(const AvgPool1dBackward& op) {
  const AvgPool1dProblem& p = op.problem;
  with_element_type([&]<typename T>() {
    run_pool_backward<T>([&] { return text(op); }, launches(), p, op.diff_dst, op.diff_src,
                         PassWherePositive<T>{op.relu.src.item<T>(0), op.relu.src.item_stride},
                         op.relu.src.data ? op.relu.p : 0, op.relu.src);
  });
}

void CudaBackend::run_op(const AvgPool1dBackwardKept& op) {
  const AvgPool1dProblem& p = op.problem;
  with_element_type([&]<typename T>() {
    run_pool_backward<T>(
        [&] { return text(op); }, launches(), p, op.diff_dst, op.diff_src,
        PassWhereKept{op.kept.words.as<std::uint32_t>(), static_cast<std::int32_t>(kept_words(p.C))},
        op.kept.p, {});
  });
}

}  // namespace bragg::cuda
