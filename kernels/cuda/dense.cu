// Fully connected layer: dst = src * weights^T.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/gemm/gemm.h"

namespace bragg::cuda {
namespace {

/// Row n: the features of item n.
template <typename T>
ConstMatrixView<T> items(const ConstActivations& a) {
  return {a.item<T>(0), a.item_stride, 1, 0, a.C};
}

/// Backward weights with Adam and without it are cut alike, for the same bits where none runs in a branch.
GemmTarget as_with_adam(GemmTarget target) {
  target.tallest_tile = AdamStore<true>::tallest_tile;
  return target;
}

/// Clocks in which all multiprocessors have done an update that is long enough to run beside other ops.
constexpr double least_beside = 16000;

/// Of one multiprocessor: products, and the instructions of Adam (tests/kernels/cuda_instructions.tsv) of eight warps, 2.8 a clock.
double clocks_of_update(const DenseProblem& p) {
  constexpr double products_per_clock = 2048, clocks_per_weight = 1.03;
  const auto weights = static_cast<double>(p.in * p.out);
  return weights * (clocks_per_weight + static_cast<double>(p.N) / products_per_clock);
}

}  // namespace

std::size_t CudaBackend::workspace_of(const DenseProblem& p) const {
  return updates_in_the_gradient()
             ? 0
             : part_bytes(gemm_target(wgmma_), p.out, p.in, p.N);  // one part, as the fused
}

void CudaBackend::run_op(const DenseForward& op) {
  const DenseProblem& p = op.problem;
  with_element_type([&]<typename T>() {
    const ConstMatrixView<T> outputs(op.weights.as<T>(), 0, p.out, weight_row_stride(p.in), p.in);
    gemm_forward([&] { return text(op); }, gemm_target(wgmma_),
                 GemmArguments<T>(p.N, p.out, p.in, items<T>(op.src), outputs),
                 ForwardStore<T>(op.dst.item<T>(0), op.dst.item_stride, 1, p.out,
                                 op.dst.dtype != element_type(), op.epilogue));
  });
}

void CudaBackend::run_op(const DenseBackwardData& op) {
  const DenseProblem& p = op.problem;
  with_element_type([&]<typename T>() {
    const ConstMatrixView<T> outputs(op.weights.as<T>(), 0, p.out, weight_row_stride(p.in), p.in);
    const MatrixView<T> dst(op.diff_src.item<T>(0), op.diff_src.item_stride, 1, p.in, p.in);
    gemm_backward_data([&] { return text(op); }, gemm_target(wgmma_),
                       GemmArguments<T>(p.N, p.in, p.out, items<T>(op.diff_dst), outputs),
                       BackwardStore<T>(dst, op.relu));
  });
}

void CudaBackend::run_op(const DenseBackwardWeights& op) {
  const DenseProblem& p = op.problem;
  auto* const parts = updates_in_the_gradient()
                          ? nullptr
                          : static_cast<float*>(workspace("dense_backward_weights", workspace_of(p)));
  with_element_type([&]<typename T>() {
    gemm_backward_weights([&] { return text(op); }, as_with_adam(gemm_target(wgmma_)),
                          GemmArguments<T>(p.out, p.in, p.N, items<T>(op.diff_dst), items<T>(op.src)), parts,
                          {op.diff_weights.as<float>(), weight_row_stride(p.in), op.diff_bias.as<float>()});
  });
}

void CudaBackend::run_op(const DenseBackwardWeightsAdam& op) {
  const DenseProblem& p = op.problem;
  const AdamStore<false> store{op.tensors.weights.as<float>(), op.tensors.m.as<float>(),
                               op.tensors.v.as<float>(),       op.tensors.working.as<BFloat16>(),
                               weight_row_stride(p.in),        AdamConstants(op.adam),
                               op.state.as<StepState>()};
  GemmTarget target = as_with_adam(gemm_target(wgmma_));
  const double clocks = clocks_of_update(p);
  if (side_ && target.wgmma && clocks >= least_beside * multiprocessors_ && side_->begin(op, clocks)) {
    target.launches = side_->launches();
    target.multiprocessors = side_->branch_multiprocessors();
    target.whole_tiles = true;
    target.sums = nullptr;  // is for shared tiles of the products beside
  }
  target.clocks = nullptr;
  gemm_backward_weights_adam(
      [&] { return text(op); }, target,
      GemmArguments<BFloat16>(p.out, p.in, p.N, items<BFloat16>(op.diff_dst), items<BFloat16>(op.src)), store,
      op.diff_bias.as<float>());
}

}  // namespace bragg::cuda
