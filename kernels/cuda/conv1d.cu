// 1D convolution as a matrix product over overlapping views (gemm/matrix_view.cuh).
#include <algorithm>
#include <type_traits>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/problem_text.h"

namespace bragg::cuda {
namespace {

/// Row (n, t): the kernel * C_in contiguous numbers that output t of item n reads.
template <typename T>
ConstMatrixView<T> windows(const Conv1dProblem& p, const ConstActivations& src) {
  return {src.item<T>(0), src.item_stride, p.L_out(), p.stride * p.C_in, p.kernel * p.C_in};
}

/// Row (n, t): the C_out numbers of that output.
template <typename T>
ConstMatrixView<T> outputs(const Conv1dProblem& p, const ConstActivations& a) {
  return {a.item<T>(0), a.item_stride, p.L_out(), p.C_out, p.C_out};
}

/// The weights by the phase of the input row that they meet: rows (tap i, output o) of stride * C_in numbers,
/// those of kernel rows [(R - 1 - i) stride, (R - i) stride), zeros beyond the kernel's end.
struct ByPhase {
  std::int64_t rows, row_length, row_stride;

  ByPhase(const Backend& backend, const Conv1dProblem& p)
      : rows((p.halo_before() + 1) * p.C_out),
        row_length(p.stride * p.C_in),
        row_stride(backend.weight_row_stride(row_length)) {}
  std::size_t bytes() const { return static_cast<std::size_t>(rows * row_stride) * sizeof(BFloat16); }
};

constexpr int threads = 256;

/// Grid: (chunks of a row, rows of ByPhase).
__global__ void __launch_bounds__(threads)
    order_by_phase(const BFloat16* __restrict__ weights, std::int64_t weight_row_stride,
                   std::int64_t weight_row_length, std::int64_t C_out, const ByPhase phases,
                   BFloat16* __restrict__ dst) {
  const std::int64_t n = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  if (n >= phases.row_length) return;
  for (std::int64_t row = blockIdx.y; row < phases.rows; row += gridDim.y) {
    const std::int64_t output = row % C_out, from = ((phases.rows - row - 1) / C_out) * phases.row_length + n;
    dst[row * phases.row_stride + n] =
        from < weight_row_length ? weights[output * weight_row_stride + from] : BFloat16{0};
  }
}

}  // namespace

std::size_t CudaBackend::workspace_bytes(const Conv1dProblem& p) const {
  if (p.N == 0) return 0;
  const std::size_t parts = part_bytes(gemm_target(), p.C_out, p.kernel * p.C_in, p.N * p.L_out());
  return std::max(parts, wgmma_ ? ByPhase(*this, p).bytes() : 0);
}

void CudaBackend::do_conv1d_forward(const Conv1dProblem& p, const ConstActivations& src, ConstTensor weights,
                                    const Activations& dst, const Epilogue& epilogue) {
  with_element_type([&]<typename T>() {
    const std::int64_t K = p.kernel * p.C_in;
    const ConstMatrixView<T> kernels(weights.as<T>(), 0, p.C_out, weight_row_stride(K), K);
    const MatrixView<T> rows(dst.item<T>(0), dst.item_stride, p.L_out(), p.C_out, p.L_out() * p.C_out);
    gemm_forward([&] { return text("conv1d_forward", p); }, gemm_target(),
                 GemmArguments<T>(p.N * p.L_out(), p.C_out, K, windows<T>(p, src), kernels),
                 ForwardStore<T>(rows, false, epilogue));
  });
}

/// Row (n, r) of the result is rows [r * stride, (r + 1) * stride) of diff_src[n]; it takes R = ceil(kernel /
/// stride) rows of diff_dst, [r - R + 1, r], each with `stride` rows of the kernel. Row (i, o) of B: the part
/// of the kernel of output o that meets tap i, nothing beyond the kernel's end.
void CudaBackend::do_conv1d_backward_data(const Conv1dProblem& p, const ConstActivations& diff_dst,
                                          ConstTensor weights, const Activations& diff_src,
                                          const ReluGradient& relu) {
  with_element_type([&]<typename T>() {
    const std::int64_t taps = p.halo_before() + 1, rows = (p.L_in + p.stride - 1) / p.stride;
    const std::int64_t M = p.N * rows, N = p.stride * p.C_in, K = taps * p.C_out;
    const ConstMatrixView<T> a(diff_dst.item<T>(0) - p.halo_before() * p.C_out, diff_dst.item_stride, rows,
                               p.C_out, K);
    const std::int64_t first = p.halo_before() * N, row_length = p.kernel * p.C_in;
    ConstMatrixView<T> b(weights.as<T>() + first, -N, p.C_out, weight_row_stride(row_length), N);
    b.first_item_row_length = static_cast<std::int32_t>(std::min(N, row_length - first));
    if constexpr (std::is_same_v<T, BFloat16>) {
      if (wgmma_) {  // TMA cannot step back
        const ByPhase phases(*this, p);
        auto* const ordered = static_cast<T*>(workspace("conv1d_backward_data", phases.bytes()));
        launch([&] { return text("conv1d_backward_data", p); }, stream_.get(),
               {dim3(static_cast<unsigned>((N + threads - 1) / threads),
                     static_cast<unsigned>(std::min<std::int64_t>(phases.rows, 65535))),
                dim3(threads)},
               order_by_phase, weights.as<T>(), weight_row_stride(row_length), row_length, p.C_out, phases,
               ordered);
        b = {ordered, 0, K, phases.row_stride, N};
      }
    }
    const MatrixView<T> dst(diff_src.item<T>(0), diff_src.item_stride, rows, N, p.L_in * p.C_in);
    gemm_backward_data([&] { return text("conv1d_backward_data", p); }, gemm_target(),
                       GemmArguments<T>(M, N, K, a, b), BackwardStore<T>(dst, relu));
  });
}

void CudaBackend::do_conv1d_backward_weights(const Conv1dProblem& p, const ConstActivations& src,
                                             const ConstActivations& diff_dst, Tensor diff_weights,
                                             Tensor diff_bias) {
  auto* const parts = static_cast<float*>(workspace("conv1d_backward_weights", workspace_bytes(p)));
  with_element_type([&]<typename T>() {
    const std::int64_t row_length = p.kernel * p.C_in;
    gemm_backward_weights(
        [&] { return text("conv1d_backward_weights", p); }, gemm_target(),
        GemmArguments<T>(p.C_out, row_length, p.N * p.L_out(), outputs<T>(p, diff_dst), windows<T>(p, src)),
        parts, {diff_weights.as<float>(), weight_row_stride(row_length), diff_bias.as<float>()});
  });
}

}  // namespace bragg::cuda
