// Softmax cross-entropy, its gradient and the count of top-1 hits in one launch: a warp per row, sums in
// double; the block that finishes last adds up the rows in order.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/loss_rows.cuh"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/warp.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256, warps = threads / 32;

struct Maximum {
  float value;
  std::int32_t index;
};

/// The larger; of equals the one with the lower index.
__device__ Maximum larger(Maximum a, Maximum b) {
  return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
}

/// What a pattern's loss is made of, beside its logits.
struct LossConstants {
  std::int32_t N, classes;
  double weight, smoothing;
  const float* class_weights;  ///< (classes), or none: 1

  __device__ double of_class(std::int32_t c) const {
    return class_weights ? static_cast<double>(class_weights[c]) : 1.0;
  }
};

/// A row by the 32 lanes of a warp; every lane returns the same. batch_weight: of all patterns.
template <typename T>
__device__ RowResult softmax_row(const LossConstants& p, const float* row, std::int32_t label,
                                 double batch_weight, T* gradient) {
  const std::int32_t classes = p.classes;
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  Maximum most{-INFINITY, classes};
  bool usable = label >= 0 && label < classes;
  for (std::int32_t c = lane; c < classes; c += 32) {
    usable = usable && isfinite(row[c]);
    most = larger(most, {row[c], c});
  }
  for (int distance = 16; distance > 0; distance /= 2) {
    most = larger(most, {__shfl_xor_sync(all_lanes, most.value, distance),
                         __shfl_xor_sync(all_lanes, most.index, distance)});
  }
  usable = __all_sync(all_lanes, usable);
  double sum = 0;
  for (std::int32_t c = lane; c < classes; c += 32)
    sum += exp(static_cast<double>(row[c]) - static_cast<double>(most.value));
  sum = warp_sum(sum);
  double weight_of_classes = classes;
  if (p.class_weights) {
    weight_of_classes = 0;
    for (std::int32_t c = lane; c < classes; c += 32)
      weight_of_classes += p.of_class(c);
    weight_of_classes = warp_sum(weight_of_classes);
  }
  const LossTarget target =
      loss_target(p.smoothing, classes, usable ? p.of_class(label) : 0, weight_of_classes);
  if (gradient) {
    for (std::int32_t c = lane; c < classes; c += 32) {
      const double share = exp(static_cast<double>(row[c]) - static_cast<double>(most.value)) / sum;
      const double q = target.everywhere * p.of_class(c) + (c == label ? target.at_label : 0);
      gradient[c] = rounded_to<T>(
          usable ? static_cast<float>(p.weight * (share * target.sum - q) / batch_weight) : NAN);
    }
  }
  if (!usable) return {NAN, 0};
  const double log_sum = log(sum) + static_cast<double>(most.value);
  double loss = target.at_label * (log_sum - static_cast<double>(row[label]));
  if (target.everywhere > 0) {
    double elsewhere = 0;
    for (std::int32_t c = lane; c < classes; c += 32)
      elsewhere += p.of_class(c) * (log_sum - static_cast<double>(row[c]));
    loss += target.everywhere * warp_sum(elsewhere);
  }
  return {loss * (p.N / batch_weight), most.index == label ? 1u : 0u};
}

/// Which class a label belongs to.
struct Classes {
  const std::int32_t* table;  ///< of `labels`, or none
  std::int32_t labels;

  /// -1 for a label outside the table.
  __device__ std::int32_t of(std::int32_t label) const {
    if (table == nullptr) return label;
    return label >= 0 && label < labels ? table[label] : -1;
  }
};

/// The sum of the weights of the batch's classes, by every block for itself and in the same order.
__device__ double weight_of_batch(const LossConstants& p, const std::int32_t* labels, const Classes& table) {
  if (p.class_weights == nullptr) return p.N;
  const double sum = sum_in_order<threads, double>(p.N, [&](std::int64_t n) {
    const std::int32_t c = table.of(labels[n]);
    return c >= 0 && c < p.classes ? p.of_class(c) : 0.0;
  });
  __shared__ double for_all;
  if (threadIdx.x == 0) for_all = sum;
  __syncthreads();
  return for_all;
}

/// Grid: one block for every eight rows. `ticket` is 0 before and after.
template <typename T>
__global__ void __launch_bounds__(threads)
    softmax_rows(const LossConstants p, const float* __restrict__ logits,
                 const std::int32_t* __restrict__ labels, const Classes table, T* __restrict__ diff_logits,
                 std::int64_t diff_stride, RowResult* results, unsigned* ticket, LossTotals* totals) {
  wait_for_previous_kernel();
  const double batch_weight = weight_of_batch(p, labels, table);
  const std::int32_t n = static_cast<std::int32_t>(blockIdx.x * warps + threadIdx.x / 32);
  if (n < p.N) {
    const RowResult result = softmax_row(p, logits + std::int64_t{n} * p.classes, table.of(labels[n]),
                                         batch_weight, diff_logits ? diff_logits + n * diff_stride : nullptr);
    if (threadIdx.x % 32 == 0) results[n] = result;
  }
  add_rows<threads>(p.N, results, ticket, totals);
}

}  // namespace

std::size_t CudaBackend::workspace_of(const SoftmaxCrossEntropyProblem& p) const {
  return sizeof(RowResult) * static_cast<std::size_t>(p.N);
}

void CudaBackend::run_op(const SoftmaxCrossEntropy& op) {
  const SoftmaxCrossEntropyProblem& p = op.problem;
  auto* const results = static_cast<RowResult*>(workspace("softmax_cross_entropy", workspace_of(p)));
  const auto blocks = static_cast<unsigned>((p.N + warps - 1) / warps);
  with_element_type([&]<typename T>() {
    launch([&] { return text(op); }, launches(), {dim3(blocks), dim3(threads)}, softmax_rows<T>,
           LossConstants{static_cast<std::int32_t>(p.N), static_cast<std::int32_t>(p.classes), p.weight,
                         p.label_smoothing, op.class_weights.as<float>()},
           op.logits.as<float>(), op.labels.as<std::int32_t>(),
           Classes{op.class_of.as<std::int32_t>(), static_cast<std::int32_t>(p.labels)},
           op.diff_logits.item<T>(0), op.diff_logits.item_stride, results,
           reinterpret_cast<unsigned*>(ticket_.data()), op.totals.as<LossTotals>());
  });
}

}  // namespace bragg::cuda
