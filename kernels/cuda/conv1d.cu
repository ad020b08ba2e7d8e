// 1D convolution as a matrix product over overlapping views (gemm/matrix_view.cuh).
//
// Several outputs to a row. wgmma is starved by a product of 80 columns, and TMA cannot step by the few
// elements of a convolution with one input channel. So a row of the product may be J neighbouring outputs:
// J stride C_in elements from one row to the next, a window of K = ((J - 1) stride + kernel) C_in elements, J
// C_out columns, and the kernel of output j moved by j stride C_in elements among zeros. The weights'
// gradient is then the sum over j of J blocks of the product, moved back.
#include <algorithm>
#include <numeric>
#include <optional>
#include <type_traits>

#include "kernels/cuda/conv1d_rows.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/pooled_gradient.h"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

using namespace conv1d;

/// J outputs to a row.
struct Wide {
  std::int64_t outputs;   ///< J
  std::int64_t rows;      ///< of an item
  std::int64_t row_step;  ///< elements of src from one output to the next
  std::int64_t K, N;      ///< elements of src that a row reads; columns

  Wide(const Conv1dProblem& p, std::int64_t J)
      : outputs(J),
        rows(up(p.L_out(), J)),
        row_step(p.stride * p.C_in),
        K((J - 1) * row_step + p.kernel * p.C_in),
        N(J * p.C_out) {}

  /// Steps from one item to the next with which the last row reads nothing of what lies behind an item's own
  /// memory, and all rows are one sequence.
  std::int64_t steps(const Conv1dProblem& p) const {
    const std::int64_t read = rows * outputs - 1 + up(p.kernel, p.stride);
    return up(std::max(up(p.L_in, p.stride), read), outputs) * outputs;
  }
  /// Whether `a` lies so, with `step` elements to a step.
  bool suits(const Conv1dProblem& p, const ConstActivations& a, std::int64_t step) const {
    return reinterpret_cast<std::uintptr_t>(a.data) % 16 == 0 && a.item_stride == steps(p) * step;
  }
};

/// Row (n, r): what outputs r J .. r J + J - 1 of item n read, K contiguous numbers.
template <typename T>
ConstMatrixView<T> windows(const Wide& wide, const ConstActivations& src) {
  return {src.item<T>(0), src.item_stride, wide.rows, wide.outputs * wide.row_step, wide.K};
}

/// Row (n, r): those outputs.
template <typename T>
ConstMatrixView<T> outputs(const Wide& wide, const ConstActivations& a) {
  return {a.item<T>(0), a.item_stride, wide.rows, wide.N, wide.N};
}

/// Row (j, c): the weights of output channel c behind j row_step zeros.
WeightOrder widened(const Backend& backend, const Conv1dProblem& p, const Wide& wide, const void* weights) {
  const auto C_out = static_cast<std::int32_t>(p.C_out),
             row_length = static_cast<std::int32_t>(p.kernel * p.C_in);
  return {.weights = weights,
          .weight_row_stride = static_cast<std::int32_t>(backend.weight_row_stride(row_length)),
          .row_length = row_length,
          .C_out = C_out,
          .rows = static_cast<std::int32_t>(wide.N),
          .length = static_cast<std::int32_t>(wide.K),
          .dst_stride = static_cast<std::int32_t>(backend.weight_row_stride(wide.K)),
          .group = C_out,
          .slots = static_cast<std::int32_t>(wide.outputs),
          .step = static_cast<std::int32_t>(-wide.row_step)};
}

std::size_t wide_weight_bytes(const Backend& backend, const Wide& wide) {
  return static_cast<std::size_t>(wide.N * backend.weight_row_stride(wide.K)) * sizeof(BFloat16);
}
std::size_t wide_gradient_bytes(const Wide& wide) {
  return static_cast<std::size_t>(wide.N * (wide.K + 1)) * sizeof(float);
}

/// How a convolution whose operands lie as the network lays them is multiplied; none: not by wgmma.
std::optional<Wide> choose_width(const Conv1dProblem& p, int multiprocessors) {
  constexpr std::int64_t unit = 8, most_columns = 1024, most_waste = 3;
  if (p.C_out % unit != 0) return p.stride * p.C_in % unit == 0 ? std::optional(Wide(p, 1)) : std::nullopt;
  std::optional<Wide> best;
  double fewest = 0;
  const std::int64_t first = unit / std::gcd(unit, p.stride * p.C_in);  // rows begin at multiples of 16 bytes
  for (std::int64_t J = first; J <= std::max<std::int64_t>(p.L_out(), first); J += first) {
    const Wide wide(p, J);
    if (J > 1 && (wide.N > most_columns || wide.K > most_waste * p.kernel * p.C_in)) break;
    const std::int64_t rows = p.N * (wide.steps(p) / J);
    const double clocks = choose_wgmma_config(rows, wide.N, wide.K, multiprocessors).clocks +
                          choose_wgmma_config(wide.K, wide.N, rows, multiprocessors).clocks;
    if (!best || clocks < fewest) {
      best = wide;
      fewest = clocks;
    }
  }
  return best;
}

/// None where src is read as it is.
std::optional<NormalisedRows> normalised_rows(const Conv1dProblem& p, const NormalisedSource& source) {
  if (!source) return std::nullopt;
  return NormalisedRows{source.factor.as<float>(), source.offset.as<float>(), p.C_in, source.zeros_before,
                        p.L_in - source.zeros_before - source.zeros_after};
}

/// Of a convolution whose operands lie as the network lays them.
SumsMemory sums_memory(const Backend& backend, const Conv1dProblem& p, int multiprocessors) {
  if (backend.element_type() == DType::f32) return {0, fp32_sum_bytes(p.N * p.L_out(), p.C_out)};
  const auto wide = choose_width(p, multiprocessors);
  return {wide && wide->outputs > 1 ? wide_weight_bytes(backend, *wide) : 0,
          ChannelSums{nullptr, multiprocessors, p.C_out}.bytes()};
}

}  // namespace

std::int64_t CudaBackend::conv1d_steps(const Conv1dProblem& p) const {
  if (conv1d_wgmma_ && p.N > 0)
    if (const auto wide = choose_width(p, multiprocessors_)) return wide->steps(p);
  // Items at multiples of 16 bytes, and whole rows of 8 outputs, which conv1d_pool_forward steps by.
  const std::int64_t steps = Backend::conv1d_steps(p);
  return conv1d_wgmma_ && p.stride * p.C_in % row_alignment() != 0 ? aligned(steps) : steps;
}

std::size_t CudaBackend::workspace_of(const Conv1dProblem& p) const {
  if (p.N == 0) return 0;
  std::size_t bytes = part_bytes(gemm_target(conv1d_wgmma_), p.C_out, p.kernel * p.C_in, p.N * p.L_out());
  if (conv1d_wgmma_ || p.backward_zeros() > 0)
    bytes = std::max(bytes, ByPhase(*this, p).bytes(element_type()));
  if (!conv1d_wgmma_) return bytes;
  if (const auto wide = choose_width(p, multiprocessors_); wide && wide->outputs > 1)
    bytes = std::max({bytes, wide_weight_bytes(*this, *wide), wide_gradient_bytes(*wide)});
  return bytes;
}

template <typename T, typename Product>
void CudaBackend::multiply_windows(const Conv1dForward& op, const Product& product) {
  const Conv1dProblem& p = op.problem;
  const std::int64_t K = p.kernel * p.C_in;
  const ConstMatrixView<T> kernels(op.weights.as<T>(), 0, p.C_out, weight_row_stride(K), K);
  const auto run = [&](const Wide& wide, const ConstMatrixView<T>& b) {
    product(GemmArguments<T>(p.N * wide.rows, wide.N, wide.K, windows<T>(wide, op.src), b),
            ForwardStore<T>(op.dst.item<T>(0), op.dst.item_stride, p.L_out(), p.C_out, false, op.epilogue,
                            wide.outputs));
  };
  if constexpr (std::is_same_v<T, BFloat16>) {
    const auto wide = conv1d_wgmma_ ? choose_width(p, multiprocessors_) : std::nullopt;
    if (wide && wide->outputs > 1 && wide->suits(p, op.src, wide->row_step)) {
      const WeightOrder order = widened(*this, p, *wide, op.weights.data);
      const T* const rows = in_order<T>(order, workspace("conv1d_forward", wide_weight_bytes(*this, *wide)));
      run(*wide, {rows, 0, wide->N, order.dst_stride, wide->K});
      note(order);
      return;
    }
  }
  run(Wide(p, 1), kernels);
}

void CudaBackend::run_op(const Conv1dForward& op) {
  with_element_type([&]<typename T>() {
    multiply_windows<T>(op, [&](const GemmArguments<T>& arguments, const ForwardStore<T>& store) {
      gemm_forward([&] { return text(op); }, gemm_target(conv1d_wgmma_), arguments, store);
    });
  });
}

bool CudaBackend::has_op(const Conv1dBatchNormForward& op) const {
  if ((op.normalised_src || op.normalised_addend) && !normalises_as_it_reads_) return false;
  if (precision_ != Precision::bf16) return true;
  return conv1d_wgmma_ && op.problem.C_out % 8 == 0 && op.problem.C_out <= most_summed_channels &&
         (!op.normalised_src || op.problem.C_in % 8 == 0);
}

std::size_t CudaBackend::workspace_of(const Conv1dBatchNormForward& op) const {
  if (op.problem.N == 0 || !has_op(op)) return 0;
  const SumsMemory memory = sums_memory(*this, op.problem, multiprocessors_);
  return std::max(memory.bytes, workspace_of(op.norm));
}

void CudaBackend::run_op(const Conv1dBatchNormForward& op) {
  const SumsMemory memory = sums_memory(*this, op.problem, multiprocessors_);
  auto* const scratch = static_cast<std::byte*>(workspace(op.name, workspace_of(op)));
  const auto describe = [&] { return text(op); };
  const GemmTarget target = gemm_target(conv1d_wgmma_);
  const auto source = normalised_rows(op.problem, op.normalised_src);
  std::optional<ChannelSums> sums;
  if (precision_ != Precision::bf16)
    multiply_windows<float>(
        op.convolution(), [&](const GemmArguments<float>& arguments, const ForwardStore<float>& store) {
          sums = gemm_forward_sums(describe, target, arguments, source ? &*source : nullptr, store,
                                   memory.pairs(scratch));
        });
  else
    multiply_windows<BFloat16>(op.convolution(), [&](const GemmArguments<BFloat16>& arguments,
                                                     const ForwardStore<BFloat16>& store) {
      sums = source ? gemm_forward_sums(describe, target, arguments, *source, store, memory.pairs(scratch))
                    : gemm_forward_sums(describe, target, arguments, store, memory.pairs(scratch));
      if (!sums && (source || op.factor || op.normalised_addend))
        refuse_places(op.name, "src, weights and between");
      if (!sums) gemm_forward(describe, target, arguments, store);
    });
  if (!sums) return run_op(op.normalisation());
  if (choices_) choices_->emplace_back("sums of what is stored");
  normalise_by(*sums, op.normalisation(), op.factor, op.offset, op.normalised_addend);
}

template <typename Columns, typename Product>
void CudaBackend::add_up_columns(const Conv1dProblem& p, const Columns& wide, const WeightGradient& diff,
                                 float* scratch, const Product& product) {
  float* const later = joined_ ? joined_->products(wide_gradient_bytes(wide)) : nullptr;
  float* const products = later ? later : scratch;
  const MovedGradients moved{.src = products,
                             .sums = products + wide.N * wide.K,
                             .diff_weights = diff.weights,
                             .diff_bias = diff.bias,
                             .outputs = static_cast<std::int32_t>(wide.outputs),
                             .row_step = static_cast<std::int32_t>(wide.row_step),
                             .K = static_cast<std::int32_t>(wide.K),
                             .C_out = static_cast<std::int32_t>(p.C_out),
                             .weight_row_stride = static_cast<std::int32_t>(diff.row_stride),
                             .row_length = static_cast<std::int32_t>(p.kernel * p.C_in)};
  product(WeightGradient{products, wide.K, products + wide.N * wide.K});
  if (later)
    joined_->add_up_later(moved);
  else
    add_up(launches(), {&moved, 1});
  note(moved);
}

bool CudaBackend::has_op(const Conv1dPoolBackwardWeights& op) const {
  const Conv1dProblem& p = op.problem;
  if (!conv1d_wgmma_ || p.C_out != pooled_gradient_channels || op.pool.kernel != 3 || op.pool.stride != 2 ||
      p.N == 0)
    return false;
  const auto wide = choose_width(p, multiprocessors_);
  return wide && wide->outputs % 2 == 0;
}

void CudaBackend::run_op(const Conv1dPoolBackwardWeights& op) {
  const Conv1dProblem& p = op.problem;
  const auto describe = [&] { return text(op); };
  const Wide wide = choose_width(p, multiprocessors_).value();
  const auto windows_of_src = flatten(windows<BFloat16>(wide, op.src), p.N * wide.rows);
  if (!wide.suits(p, op.src, wide.row_step) || !windows_of_src)
    throw ProblemError(std::string("[") + op.name + "] src_item_stride " +
                       std::to_string(op.src.item_stride) + " is not " +
                       std::to_string(wide.steps(p) * wide.row_step));
  const PooledGradient gradient{
      .diff_dst = op.diff_dst.item<BFloat16>(0),
      .item_stride = op.diff_dst.item_stride,
      .kept = op.kept.words.as<std::uint32_t>(),
      .outputs = static_cast<std::int32_t>(wide.outputs),
      .outputs_per_item = static_cast<std::int32_t>(p.L_out()),
      .windows = static_cast<std::int32_t>(op.pool.L_out()),
      .scale = static_cast<float>(1.0 / static_cast<double>(op.pool.kernel) / (1.0 - double{op.kept.p})),
      .pitch = Division(windows_of_src->pitch),
      .rows = static_cast<std::int32_t>(windows_of_src->rows)};
  const WeightGradient diff{op.diff_weights.as<float>(), weight_row_stride(p.kernel * p.C_in),
                            op.diff_bias.as<float>()};
  add_up_columns(p, wide, diff, static_cast<float*>(workspace(op.name, workspace_of(p))),
                 [&](const WeightGradient& products) {
                   gemm_pooled_backward_weights(describe, gemm_target(conv1d_wgmma_), *windows_of_src,
                                                gradient, products);
                 });
}

template <typename T, typename Op, typename Product>
void CudaBackend::multiply_for_weights(const Op& op, const Product& product) {
  const Conv1dProblem& p = op.problem;
  auto* const scratch = static_cast<float*>(workspace(op.name, workspace_of(p)));
  const auto run = [&](const Wide& wide, const WeightGradient& diff) {
    product(GemmArguments<T>(wide.N, wide.K, p.N * wide.rows, outputs<T>(wide, op.diff_dst),
                             windows<T>(wide, op.src)),
            scratch, diff);
  };
  const WeightGradient all{op.diff_weights.template as<float>(), weight_row_stride(p.kernel * p.C_in),
                           op.diff_bias.template as<float>()};
  if constexpr (std::is_same_v<T, BFloat16>) {
    const auto wide = conv1d_wgmma_ ? choose_width(p, multiprocessors_) : std::nullopt;
    if (wide && wide->outputs > 1 && wide->suits(p, op.src, wide->row_step) &&
        wide->suits(p, op.diff_dst, p.C_out))
      return add_up_columns(p, *wide, all, scratch,
                            [&](const WeightGradient& products) { run(*wide, products); });
  }
  run(Wide(p, 1), all);
}

void CudaBackend::run_op(const Conv1dBackwardWeights& op) {
  with_element_type([&]<typename T>() {
    multiply_for_weights<T>(op, [&](const GemmArguments<T>& arguments, float* scratch,
                                    const WeightGradient& diff) {
      gemm_backward_weights([&] { return text(op); }, gemm_target(conv1d_wgmma_), arguments, scratch, diff);
    });
  });
}

bool CudaBackend::has_op(const Conv1dNormalisedBackwardWeights& op) const {
  if (!normalises_as_it_reads_) return false;
  if (precision_ != Precision::bf16) return true;
  return conv1d_wgmma_ && op.problem.C_in % 8 == 0 && op.problem.C_out % 8 == 0;
}

void CudaBackend::run_op(const Conv1dNormalisedBackwardWeights& op) {
  const NormalisedRows source = normalised_rows(op.problem, op.normalised_src).value();
  if (precision_ != Precision::bf16)
    return multiply_for_weights<float>(
        op, [&](const GemmArguments<float>& arguments, float* scratch, const WeightGradient& diff) {
          gemm_normalised_backward_weights([&] { return text(op); }, gemm_target(false), arguments, source,
                                           scratch, diff);
        });
  multiply_for_weights<BFloat16>(
      op, [&](const GemmArguments<BFloat16>& arguments, float* /*scratch*/, const WeightGradient& diff) {
        if (!gemm_normalised_backward_weights([&] { return text(op); }, gemm_target(conv1d_wgmma_), arguments,
                                              source, diff))
          refuse_places(op.name, "src and diff_dst");
      });
}

}  // namespace bragg::cuda
