// Average pooling without padding: memory-bound, a thread per element, channels side by side.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/problem_text.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

struct Pool {
  std::int32_t L_in, L_out, C, kernel, stride;
  std::int64_t src_item_stride, dst_item_stride;
  Division by_C, by_stride;

  Pool(const AvgPool1dProblem& p, std::int64_t src_stride, std::int64_t dst_stride)
      : L_in(static_cast<std::int32_t>(p.L_in)),
        L_out(static_cast<std::int32_t>(p.L_out())),
        C(static_cast<std::int32_t>(p.C)),
        kernel(static_cast<std::int32_t>(p.kernel)),
        stride(static_cast<std::int32_t>(p.stride)),
        src_item_stride(src_stride),
        dst_item_stride(dst_stride),
        by_C(p.C),
        by_stride(p.stride) {}
};

/// Grid: (items, chunks of an item's L_out * C elements).
__global__ void __launch_bounds__(threads)
    pool_forward(const Pool p, const float* __restrict__ src, float share, float* __restrict__ dst) {
  const std::int32_t i = static_cast<std::int32_t>(blockIdx.y * threads + threadIdx.x);
  if (i >= p.L_out * p.C) return;
  const auto t = static_cast<std::int32_t>(p.by_C.quotient(static_cast<std::uint32_t>(i)));
  const float* window =
      src + blockIdx.x * p.src_item_stride + std::int64_t{t} * p.stride * p.C + (i - t * p.C);
  float sum = 0;
  for (std::int32_t l = 0; l < p.kernel; ++l)
    sum += window[std::int64_t{l} * p.C];
  dst[blockIdx.x * p.dst_item_stride + i] = sum * share;
}

/// Row l of src is in the windows t with t * stride <= l < t * stride + kernel. `relu`: shaped like diff_src,
/// or nullptr. Grid: (items, chunks of an item's L_in * C elements).
__global__ void __launch_bounds__(threads)
    pool_backward(const Pool p, const float* __restrict__ diff_dst, const float* __restrict__ relu,
                  std::int64_t relu_item_stride, float scale, float* __restrict__ diff_src) {
  const std::int32_t i = static_cast<std::int32_t>(blockIdx.y * threads + threadIdx.x);
  if (i >= p.L_in * p.C) return;
  const auto l = static_cast<std::int32_t>(p.by_C.quotient(static_cast<std::uint32_t>(i)));
  const std::int32_t c = i - l * p.C;
  const auto last_window = static_cast<std::int32_t>(p.by_stride.quotient(static_cast<std::uint32_t>(l)));
  const std::int32_t last = min(last_window, p.L_out - 1);
  const std::int32_t first =
      l < p.kernel
          ? 0
          : static_cast<std::int32_t>(p.by_stride.quotient(static_cast<std::uint32_t>(l - p.kernel))) + 1;
  const float* gradient = diff_dst + blockIdx.x * p.dst_item_stride + c;
  float sum = 0;
  for (std::int32_t t = first; t <= last; ++t)
    sum += gradient[std::int64_t{t} * p.C];
  sum *= scale;
  if (relu && !(relu[blockIdx.x * relu_item_stride + i] > 0)) sum *= 0.0f;  // a NaN stays one
  diff_src[blockIdx.x * p.src_item_stride + i] = sum;
}

dim3 grid_of(std::int64_t elements, std::int64_t items) {
  return dim3(static_cast<unsigned>(items), static_cast<unsigned>((elements + threads - 1) / threads));
}

}  // namespace

void CudaBackend::do_avg_pool1d_forward(const AvgPool1dProblem& p, const ConstActivations& src,
                                        const Activations& dst) {
  const auto share = static_cast<float>(1.0 / static_cast<double>(p.kernel));
  launch([&] { return text("avg_pool1d_forward", p); }, stream_.get(),
         {grid_of(p.L_out() * p.C, p.N), dim3(threads)}, pool_forward,
         Pool(p, src.item_stride, dst.item_stride), src.item<float>(0), share, dst.item<float>(0));
}

void CudaBackend::do_avg_pool1d_backward(const AvgPool1dProblem& p, const ConstActivations& diff_dst,
                                         const Activations& diff_src, const ReluGradient& relu) {
  const double share = 1.0 / static_cast<double>(p.kernel);
  const auto scale = static_cast<float>(relu.src.data ? share / (1.0 - double{relu.p}) : share);
  launch([&] { return text("avg_pool1d_backward", p); }, stream_.get(),
         {grid_of(p.L_in * p.C, p.N), dim3(threads)}, pool_backward,
         Pool(p, diff_src.item_stride, diff_dst.item_stride), diff_dst.item<float>(0),
         static_cast<const float*>(relu.src.data), relu.src.item_stride, scale, diff_src.item<float>(0));
}

}  // namespace bragg::cuda
