// Batch normalisation, channels last, bound by memory, a thread per V neighbouring channels: sums (batch_norm_sums.cuh),
// and then element by element.
#include <algorithm>

#include "kernels/cuda/batch_norm_channels.cuh"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/forward_tail.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"

namespace bragg::cuda {
namespace {

using namespace batch_norm;

/// Of every channel. `spread` is 1 / deviation, or a variance.
struct Channels {
  const float *mean, *spread, *scale, *shift;
  float epsilon;
  bool is_variance;
  const float *addend_factor = nullptr,
              *addend_offset = nullptr;  ///< NormalisedSource of the addend, where there is one

  __device__ float inverse_deviation(std::int32_t c) const {
    return is_variance ? 1 / sqrtf(spread[c] + epsilon) : spread[c];
  }
  template <typename T>
  __device__ float addend(T x, std::int32_t c) const {
    if (addend_factor == nullptr) return as_float(x);
    const float normalised = fmaf(as_float(x), addend_factor[c], addend_offset[c]);
    return as_float(rounded_to<T>(normalised < 0 ? 0 : normalised));
  }
};

/// Grid: (items, chunks of an item's packs). `length` elements an item, rows of C.
template <typename T, int V>
__global__ void __launch_bounds__(element_threads)
    normalise(std::int32_t length, std::int32_t C, Division by_C, const Items<const T> src,
              const Items<const T> addend, const Channels channels, const ForwardTail tail,
              const Items<T> dst) {
  wait_for_previous_kernel();
  const std::int32_t at = static_cast<std::int32_t>(blockIdx.y * element_threads + threadIdx.x) * V;
  if (at >= length) return;
  const auto t = static_cast<std::int32_t>(by_C.quotient(static_cast<std::uint32_t>(at)));
  const std::int32_t c = at - t * C;
  const Pack<T, V> x = load<V>(src.data + blockIdx.x * src.stride + at);
  Pack<T, V> added{}, result;
  if (addend.data != nullptr) added = load<V>(addend.data + blockIdx.x * addend.stride + at);
#pragma unroll
  for (int v = 0; v < V; ++v) {
    const float factor = channels.inverse_deviation(c + v) * channels.scale[c + v];
    float y = (as_float(x.at[v]) - channels.mean[c + v]) * factor + channels.shift[c + v];
    if (addend.data != nullptr) y += channels.addend(added.at[v], c + v);
    result.at[v] = rounded_to<T>(tail(y, blockIdx.x, length, t, c + v, C));
  }
  store(dst.data + blockIdx.x * dst.stride + at, result);
}

struct GradientChannels {
  const float *mean, *inverse_deviation, *scale, *diff_scale, *diff_shift;
  float share;  ///< 1 / rows
};

/// Grid: (items, chunks of an item's packs).
template <typename T, int V>
__global__ void __launch_bounds__(element_threads)
    normalise_backward(std::int32_t length, std::int32_t C, Division by_C, const Items<const T> diff,
                       const Items<const T> src, const GradientChannels channels,
                       const Items<const T> through, float scale, const Items<T> diff_src) {
  wait_for_previous_kernel();
  const std::int32_t at = static_cast<std::int32_t>(blockIdx.y * element_threads + threadIdx.x) * V;
  if (at >= length) return;
  const std::int32_t c = at - static_cast<std::int32_t>(by_C.quotient(static_cast<std::uint32_t>(at))) * C;
  const Pack<T, V> d = load<V>(diff.data + blockIdx.x * diff.stride + at);
  const Pack<T, V> x = load<V>(src.data + blockIdx.x * src.stride + at);
  Pack<T, V> passed{}, result;
  if (through.data != nullptr) passed = load<V>(through.data + blockIdx.x * through.stride + at);
#pragma unroll
  for (int v = 0; v < V; ++v) {
    const float inverse_deviation = channels.inverse_deviation[c + v];
    const float normal = (as_float(x.at[v]) - channels.mean[c + v]) * inverse_deviation;
    const float common = (channels.diff_shift[c + v] + normal * channels.diff_scale[c + v]) * channels.share;
    float gradient = channels.scale[c + v] * inverse_deviation * (as_float(d.at[v]) - common);
    if (through.data != nullptr) gradient *= as_float(passed.at[v]) > 0 ? scale : 0.0f;  // a NaN stays one
    result.at[v] = rounded_to<T>(gradient);
  }
  store(diff_src.data + blockIdx.x * diff_src.stride + at, result);
}

struct Folded {
  const float *weights, *bias, *scale, *shift, *running_mean, *running_variance;
  float* folded_bias;
};

/// A block per output.
template <typename T>
__global__ void __launch_bounds__(threads) fold(std::int64_t K, std::int64_t row_stride, double epsilon,
                                                const Folded p, T* __restrict__ folded_weights) {
  wait_for_previous_kernel();
  const unsigned c = blockIdx.x;
  const double factor =
      static_cast<double>(p.scale[c]) / sqrt(static_cast<double>(p.running_variance[c]) + epsilon);
  for (std::int64_t k = threadIdx.x; k < K; k += threads)
    folded_weights[c * row_stride + k] =
        rounded_to<T>(p.weights[c * row_stride + k] * static_cast<float>(factor));
  if (threadIdx.x != 0) return;
  const double bias = p.bias != nullptr ? static_cast<double>(p.bias[c]) : 0.0;
  p.folded_bias[c] = static_cast<float>((bias - static_cast<double>(p.running_mean[c])) * factor +
                                        static_cast<double>(p.shift[c]));
}

LaunchShape warp_per_channel(const BatchNormProblem& p) {
  return {dim3(static_cast<unsigned>((p.C + warps - 1) / warps)), dim3(threads)};
}

Moments moments_of(const BatchNormForward& op) {
  return {op.mean.as<float>(), op.inverse_deviation.as<float>(), op.running_mean.as<float>(),
          op.running_variance.as<float>()};
}
Channels channels_of(const BatchNormForward& op) {
  return {op.mean.as<float>(),
          op.inverse_deviation.as<float>(),
          op.scale.as<float>(),
          op.shift.as<float>(),
          0,
          false};
}

/// For both forms of the op.
template <typename T, int V, typename Op>
void launch_normalise(const Op& op, const LaunchTarget& launches, const Channels& channels) {
  const BatchNormProblem& p = op.problem;
  const ForwardTail tail(op.epilogue);
  launch([&] { return text(op); }, launches, shape_of_elements(p, V), normalise<T, V>,
         static_cast<std::int32_t>(p.L * p.C), static_cast<std::int32_t>(p.C), Division(p.C),
         items<T>(op.src), items<T>(op.addend), channels, tail, items<T>(op.dst));
}

template <typename T, int V>
void launch_gradient(const BatchNormBackward& op, const LaunchTarget& launches) {
  const BatchNormProblem& p = op.problem;
  const auto scale = static_cast<float>(1.0 / (1.0 - double{op.relu.p}));
  const GradientChannels channels{
      op.mean.as<float>(),       op.inverse_deviation.as<float>(),
      op.scale.as<float>(),      op.diff_scale.as<float>(),
      op.diff_shift.as<float>(), static_cast<float>(1.0 / static_cast<double>(p.rows()))};
  launch([&] { return text(op); }, launches, shape_of_elements(p, V), normalise_backward<T, V>,
         static_cast<std::int32_t>(p.L * p.C), static_cast<std::int32_t>(p.C), Division(p.C),
         items<T>(op.diff_dst), items<T>(op.src), channels, items<T>(op.relu.src), scale,
         items<T>(op.diff_src));
}

/// What the blocks of a product left.
template <typename Describe, typename Finish>
void join(const ChannelSums& sums, const Describe& describe, const LaunchTarget& launches,
          const Finish& finish) {
  const std::int64_t blocks = (sums.channels + channels_of_block - 1) / channels_of_block;
  launch(describe, launches, {dim3(static_cast<unsigned>(blocks)), dim3(threads)}, join_sums<Finish>,
         static_cast<std::int32_t>(sums.sets), static_cast<std::int32_t>(sums.channels), sums.pairs, finish);
}

}  // namespace

std::size_t CudaBackend::workspace_of(const BatchNormProblem& p) const {
  // Cut into packs of one or of several channels.
  if (p.N == 0) return 0;
  const std::int32_t one = Cut(p, 1).chunks, several = Cut(p, p.C % 8 == 0 ? 8 : 1).chunks,
                     four = Cut(p, p.C % 4 == 0 ? 4 : 1).chunks;
  const std::int32_t most = one > several ? one : several;
  return 2 * sizeof(double) * static_cast<std::size_t>(p.C * (most > four ? most : four));
}

void CudaBackend::run_op(const BatchNormForward& op) {
  const BatchNormProblem& p = op.problem;
  auto* const numbers = static_cast<double*>(workspace("batch_norm_forward", workspace_of(p)));
  const Moments moments = moments_of(op);
  const auto describe = [&] { return text(op); };
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) {
      const Cut cut(p, V);
      const Partials partials{numbers, cut.C, cut.chunks};
      launch(describe, launches(), {cut.grid(), dim3(threads)}, moments_of_chunks<T, V>, cut,
             items<T>(op.src), partials);
      launch(describe, launches(), warp_per_channel(p), join_moments, cut, partials, p.epsilon, p.momentum,
             moments);
      launch_normalise<T, V>(op, launches(), channels_of(op));
    };
    by_packs<T>(p.C, run, op.dst, op.src, op.addend);
  });
}

void CudaBackend::normalise_by(const ChannelSums& sums, const BatchNormForward& op, Tensor factor,
                               Tensor offset, const NormalisedSource& of_addend) {
  const BatchNormProblem& p = op.problem;
  join(
      sums, [&] { return text(op); }, launches(),
      LeaveMoments{static_cast<double>(p.rows()),
                   p.epsilon,
                   p.momentum,
                   moments_of(op),
                   {op.scale.as<float>(), op.shift.as<float>(), factor.as<float>(), offset.as<float>()}});
  if (op.dst.data == nullptr) return;
  Channels channels = channels_of(op);
  channels.addend_factor = of_addend.factor.as<float>();
  channels.addend_offset = of_addend.offset.as<float>();
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) {
      launch_normalise<T, V>(op, launches(), channels);
    };
    by_packs<T>(p.C, run, op.dst, op.src, op.addend);
  });
}

void CudaBackend::run_op(const BatchNormBackward& op) {
  const BatchNormProblem& p = op.problem;
  auto* const numbers = static_cast<double*>(workspace("batch_norm_backward", workspace_of(p)));
  const auto describe = [&] { return text(op); };
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) {
      const Cut cut(p, V);
      const Partials partials{numbers, cut.C, cut.chunks};
      launch(describe, launches(), {cut.grid(), dim3(threads)}, gradients_of_chunks<T, V>, cut,
             items<T>(op.diff_dst), items<T>(op.src), op.mean.as<float>(), partials);
      launch(describe, launches(), warp_per_channel(p), join_gradients, cut, partials,
             op.inverse_deviation.as<float>(), op.diff_scale.as<float>(), op.diff_shift.as<float>());
      if (op.diff_src.data != nullptr) launch_gradient<T, V>(op, launches());
    };
    by_packs<T>(p.C, run, op.diff_src, op.diff_dst, op.src, op.relu.src);
  });
}

void CudaBackend::normalise_by(const ChannelSums& sums, const BatchNormBackward& op) {
  const BatchNormProblem& p = op.problem;
  join(
      sums, [&] { return text(op); }, launches(),
      LeaveGradients{op.mean.as<float>(), op.inverse_deviation.as<float>(), op.diff_scale.as<float>(),
                     op.diff_shift.as<float>()});
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) { launch_gradient<T, V>(op, launches()); };
    by_packs<T>(p.C, run, op.diff_src, op.diff_dst, op.src, op.relu.src);
  });
}

void CudaBackend::run_op(const BatchNormInference& op) {
  const Channels channels{
      op.running_mean.as<float>(), op.running_variance.as<float>(),        op.scale.as<float>(),
      op.shift.as<float>(),        static_cast<float>(op.problem.epsilon), true};
  with_element_type([&]<typename T>() {
    const auto run = [&]<int V>(std::integral_constant<int, V>) {
      launch_normalise<T, V>(op, launches(), channels);
    };
    by_packs<T>(op.problem.C, run, op.dst, op.src, op.addend);
  });
}

void CudaBackend::run_op(const BatchNormFold& op) {
  const BatchNormFoldProblem& p = op.problem;
  const Folded folded{op.weights.as<float>(),    op.bias.as<float>(),         op.scale.as<float>(),
                      op.shift.as<float>(),      op.running_mean.as<float>(), op.running_variance.as<float>(),
                      op.folded_bias.as<float>()};
  with_element_type([&]<typename T>() {
    launch([&] { return text(op); }, launches(), {dim3(static_cast<unsigned>(p.C)), dim3(threads)}, fold<T>,
           p.K, weight_row_stride(p.K), p.epsilon, folded, op.folded_weights.as<T>());
  });
}

}  // namespace bragg::cuda
