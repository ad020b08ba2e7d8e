// Fully connected layer: dst = src * weights^T.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/problem_text.h"

namespace bragg::cuda {
namespace {

/// Row n: the features of item n.
template <typename T>
ConstMatrixView<T> items(const ConstActivations& a) {
  return {a.item<T>(0), a.item_stride, 1, 0, a.C};
}

/// Backward weights with Adam and without it are cut alike, for the same bits.
GemmTarget as_with_adam(GemmTarget target) {
  target.tallest_tile = AdamStore<true>::tallest_tile;
  return target;
}

}  // namespace

std::size_t CudaBackend::workspace_bytes(const DenseProblem& p) const {
  return fuses_adam() ? 0 : part_bytes(gemm_target(wgmma_), p.out, p.in, p.N);  // one part, as the fused
}

void CudaBackend::do_dense_forward(const DenseProblem& p, const ConstActivations& src, ConstTensor weights,
                                   const Activations& dst, const Epilogue& epilogue) {
  with_element_type([&]<typename T>() {
    const ConstMatrixView<T> outputs(weights.as<T>(), 0, p.out, weight_row_stride(p.in), p.in);
    gemm_forward(
        [&] { return text("dense_forward", p); }, gemm_target(wgmma_),
        GemmArguments<T>(p.N, p.out, p.in, items<T>(src), outputs),
        ForwardStore<T>(dst.item<T>(0), dst.item_stride, 1, p.out, dst.dtype != element_type(), epilogue));
  });
}

void CudaBackend::do_dense_backward_data(const DenseProblem& p, const ConstActivations& diff_dst,
                                         ConstTensor weights, const Activations& diff_src,
                                         const ReluGradient& relu) {
  with_element_type([&]<typename T>() {
    const ConstMatrixView<T> outputs(weights.as<T>(), 0, p.out, weight_row_stride(p.in), p.in);
    const MatrixView<T> dst(diff_src.item<T>(0), diff_src.item_stride, 1, p.in, p.in);
    gemm_backward_data([&] { return text("dense_backward_data", p); }, gemm_target(wgmma_),
                       GemmArguments<T>(p.N, p.in, p.out, items<T>(diff_dst), outputs),
                       BackwardStore<T>(dst, relu));
  });
}

void CudaBackend::do_dense_backward_weights(const DenseProblem& p, const ConstActivations& src,
                                            const ConstActivations& diff_dst, Tensor diff_weights,
                                            Tensor diff_bias) {
  auto* const parts =
      fuses_adam() ? nullptr : static_cast<float*>(workspace("dense_backward_weights", workspace_bytes(p)));
  with_element_type([&]<typename T>() {
    gemm_backward_weights([&] { return text("dense_backward_weights", p); },
                          as_with_adam(gemm_target(wgmma_)),
                          GemmArguments<T>(p.out, p.in, p.N, items<T>(diff_dst), items<T>(src)), parts,
                          {diff_weights.as<float>(), weight_row_stride(p.in), diff_bias.as<float>()});
  });
}

void CudaBackend::do_dense_backward_weights_adam(const DenseProblem& p, const ConstActivations& src,
                                                 const ConstActivations& diff_dst, const AdamProblem& adam,
                                                 const AdamTensors& t, Tensor diff_bias, ConstTensor state) {
  const AdamStore<false> store{t.weights.as<float>(),    t.m.as<float>(),         t.v.as<float>(),
                               t.working.as<BFloat16>(), weight_row_stride(p.in), AdamConstants(adam),
                               state.as<StepState>()};
  gemm_backward_weights_adam(
      [&] { return text("dense_backward_weights_adam", p); }, as_with_adam(gemm_target(wgmma_)),
      GemmArguments<BFloat16>(p.out, p.in, p.N, items<BFloat16>(diff_dst), items<BFloat16>(src)), store,
      diff_bias.as<float>());
}

}  // namespace bragg::cuda
