// 1D convolution as a matrix product over overlapping views (gemm/matrix_view.cuh).
#include <algorithm>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/gemm/gemm.h"
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

GemmConfig backward_weights_config(Precision precision, const Conv1dProblem& p) {
  return choose_gemm_config(precision, p.C_out, p.kernel * p.C_in, p.N * p.L_out(), true);
}

}  // namespace

std::size_t CudaBackend::workspace_bytes(const Conv1dProblem& p) const {
  return p.N == 0 ? 0 : part_bytes(backward_weights_config(precision_, p), p.C_out, p.kernel * p.C_in);
}

void CudaBackend::do_conv1d_forward(const Conv1dProblem& p, const ConstActivations& src, ConstTensor weights,
                                    const Activations& dst, const Epilogue& epilogue) {
  with_element_type([&]<typename T>() {
    const std::int64_t K = p.kernel * p.C_in;
    const ConstMatrixView<T> kernels(weights.as<T>(), 0, p.C_out, weight_row_stride(K), K);
    const MatrixView<T> rows(dst.item<T>(0), dst.item_stride, p.L_out(), p.C_out, p.L_out() * p.C_out);
    gemm_forward([&] { return text("conv1d_forward", p); }, stream_.get(), precision_,
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
    const MatrixView<T> dst(diff_src.item<T>(0), diff_src.item_stride, rows, N, p.L_in * p.C_in);
    gemm_backward_data([&] { return text("conv1d_backward_data", p); }, stream_.get(), precision_,
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
        [&] { return text("conv1d_backward_weights", p); }, stream_.get(),
        GemmArguments<T>(p.C_out, row_length, p.N * p.L_out(), outputs<T>(p, diff_dst), windows<T>(p, src)),
        backward_weights_config(precision_, p), parts,
        {diff_weights.as<float>(), weight_row_stride(row_length), diff_bias.as<float>()});
  });
}

}  // namespace bragg::cuda
