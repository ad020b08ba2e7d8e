// The gradient of a convolution's src as a matrix product over overlapping views (gemm/matrix_view.cuh).
#include <algorithm>
#include <optional>

#include "kernels/cuda/conv1d_rows.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

using namespace conv1d;

/// Rows of ByPhase, or their transpose.
WeightOrder by_phase(const Backend& backend, const Conv1dProblem& p, const ByPhase& phases,
                     const void* weights, bool transposed) {
  const auto C_out = static_cast<std::int32_t>(p.C_out),
             row_length = static_cast<std::int32_t>(p.kernel * p.C_in),
             taps = static_cast<std::int32_t>(p.backward_taps()),
             length = static_cast<std::int32_t>(phases.row_length);
  return {.weights = weights,
          .weight_row_stride = static_cast<std::int32_t>(backend.weight_row_stride(row_length)),
          .row_length = row_length,
          .C_out = C_out,
          .rows = static_cast<std::int32_t>(phases.rows),
          .length = length,
          .dst_stride = static_cast<std::int32_t>(transposed ? phases.transposed_stride : phases.row_stride),
          .group = C_out,
          .slots = taps,
          .first = (taps - 1) * length - static_cast<std::int32_t>(phases.zeros),
          .step = -length,
          .transposed = transposed};
}

/// Row (n, r) of the result is rows [r * stride, (r + 1) * stride) of diff_src[n]; it takes R =
/// backward_taps() rows of diff_dst, up to r + backward_shift(), each with `stride` rows of the kernel. Row (i,
/// o) of B: the part of the kernel of output o that meets tap i, nothing beyond the kernel's ends.
template <typename T>
struct GradientProduct {
  std::int64_t taps, rows, M, N, K;
  ConstMatrixView<T> a;
  BackwardStore<T> store;

  explicit GradientProduct(const Conv1dBackwardData& op)
      : taps(op.problem.backward_taps()),
        rows(op.problem.backward_steps()),
        M(op.problem.N * rows),
        N(op.problem.stride * op.problem.C_in),
        K(taps * op.problem.C_out),
        a(op.diff_dst.item<T>(0) + (op.problem.backward_shift() + 1 - taps) * op.problem.C_out,
          op.diff_dst.item_stride, rows, op.problem.C_out, K),
        store({op.diff_src.item<T>(0), op.diff_src.item_stride, rows, N, op.problem.L_in * op.problem.C_in},
              op.relu) {}
};

/// Of operands that lie as the network lays them.
SumsMemory sums_memory(const Backend& backend, const Conv1dProblem& p, int multiprocessors) {
  const std::size_t weights = ByPhase(backend, p).bytes(backend.element_type());
  if (backend.element_type() == DType::f32)
    return {weights, fp32_sum_bytes(p.N * p.backward_steps(), p.stride * p.C_in)};
  return {weights, ChannelSums{nullptr, multiprocessors, p.C_in}.bytes()};
}

}  // namespace

template <typename Product>
bool CudaBackend::multiply_by_rows_of_n(const Conv1dBackwardData& op, const Product& product) {
  if (!conv1d_wgmma_) return false;
  const Conv1dProblem& p = op.problem;
  const GradientProduct<BFloat16> whole(op);
  const ByPhase phases(*this, p);
  void* const scratch = workspace("conv1d_backward_data", phases.bytes(element_type()));
  const auto by = [&](const BFloat16* rows) {
    return GemmArguments<BFloat16>(whole.M, whole.N, whole.K, whole.a,
                                   {rows, 0, whole.N, phases.transposed_stride, whole.K});
  };
  if (!takes_rows_of_n(gemm_target(true), by(static_cast<BFloat16*>(scratch)), whole.store)) return false;
  const WeightOrder order = by_phase(*this, p, phases, op.weights.data, true);
  product(by(in_order<BFloat16>(order, scratch)), whole.store);
  note(order);
  return true;
}

template <typename T, typename Product>
void CudaBackend::multiply_by_rows_of_k(const Conv1dBackwardData& op, const Product& product) {
  const Conv1dProblem& p = op.problem;
  const GradientProduct<T> whole(op);
  const std::int64_t N = whole.N;
  const auto multiply = [&](const ConstMatrixView<T>& b) {
    product(GemmArguments<T>(whole.M, N, whole.K, whole.a, b), whole.store);
  };
  if (conv1d_wgmma_ || p.backward_zeros() > 0) {  // TMA cannot step back, nor a view begin with zeros
    const ByPhase phases(*this, p);
    const WeightOrder order = by_phase(*this, p, phases, op.weights.data, false);
    multiply({in_order<T>(order, workspace("conv1d_backward_data", phases.bytes(element_type()))), 0, whole.K,
              phases.row_stride, N});
    note(order);
    return;
  }
  const std::int64_t first = (whole.taps - 1) * N, row_length = p.kernel * p.C_in;
  ConstMatrixView<T> b(op.weights.as<T>() + first, -N, p.C_out, weight_row_stride(row_length), N);
  b.first_item_row_length = static_cast<std::int32_t>(std::min(N, row_length - first));
  multiply(b);
}

void CudaBackend::run_op(const Conv1dBackwardData& op) {
  const auto describe = [&] { return text(op); };
  const GemmTarget target = gemm_target(conv1d_wgmma_);
  const bool is_done = multiply_by_rows_of_n(
      op, [&](const GemmArguments<BFloat16>& arguments, const BackwardStore<BFloat16>& store) {
        gemm_backward_data_by_rows_of_n(describe, target, arguments, store);
      });
  if (is_done) return;
  with_element_type([&]<typename T>() {
    multiply_by_rows_of_k<T>(op, [&](const GemmArguments<T>& arguments, const BackwardStore<T>& store) {
      gemm_backward_data(describe, target, arguments, store);
    });
  });
}

bool CudaBackend::has_op(const Conv1dBatchNormBackward& op) const {
  if (precision_ != Precision::bf16) return true;
  return conv1d_wgmma_ && op.problem.C_in % 8 == 0 && op.problem.C_in <= most_summed_channels &&
         op.problem.C_out % 8 == 0;
}

std::size_t CudaBackend::workspace_of(const Conv1dBatchNormBackward& op) const {
  if (op.problem.N == 0 || !has_op(op)) return 0;
  const SumsMemory memory = sums_memory(*this, op.problem, multiprocessors_);
  return std::max(memory.bytes, workspace_of(op.norm));
}

void CudaBackend::run_op(const Conv1dBatchNormBackward& op) {
  const SumsMemory memory = sums_memory(*this, op.problem, multiprocessors_);
  auto* const scratch = static_cast<std::byte*>(workspace(op.name, workspace_of(op)));
  const auto describe = [&] { return text(op); };
  std::optional<ChannelSums> sums;
  if (precision_ != Precision::bf16)
    multiply_by_rows_of_k<float>(
        op.gradient(), [&](const GemmArguments<float>& arguments, const BackwardStore<float>& store) {
          sums = gemm_backward_data_sums(describe, gemm_target(false), arguments, store.dst, op.relu,
                                         op.norm_src, op.addend, op.factor.as<float>(), op.offset.as<float>(),
                                         memory.pairs(scratch));
        });
  else
    multiply_by_rows_of_n(
        {op.problem, op.diff_dst, op.weights, op.between, op.relu},
        [&](const GemmArguments<BFloat16>& arguments, const BackwardStore<BFloat16>& store) {
          sums =
              gemm_backward_data_sums(describe, gemm_target(true), arguments, store, op.norm_src, op.addend,
                                      op.factor.as<float>(), op.offset.as<float>(), memory.pairs(scratch));
        });
  if (!sums && op.factor) refuse_places(op.name, "diff_dst, norm_src and between");
  if (!sums) {
    run_op(op.gradient());
    if (op.addend.data != nullptr) run_op(op.addition());
    return run_op(op.normalisation());
  }
  if (choices_) choices_->emplace_back("sums of what is stored");
  normalise_by(*sums, op.normalisation());
}

}  // namespace bragg::cuda
