// Softmax cross-entropy, its gradient and the count of top-1 hits in one launch: a warp per row, sums in
// double; the block that finishes last adds up the rows in order.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr unsigned everyone = 0xFFFFFFFFu;

struct RowResult {
  double loss;
  std::uint64_t correct;
};

struct Maximum {
  float value;
  std::int32_t index;
};

/// The larger; of equals the one with the lower index.
__device__ Maximum larger(Maximum a, Maximum b) {
  return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
}

__device__ double warp_sum(double x) {
  for (int distance = 16; distance > 0; distance /= 2)
    x += __shfl_xor_sync(everyone, x, distance);
  return x;
}

/// A row by the 32 lanes of a warp; every lane returns the same.
template <typename T>
__device__ RowResult softmax_row(const float* row, std::int32_t classes, std::int32_t label, double weight,
                                 double N, T* gradient) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  Maximum most{-INFINITY, classes};
  bool usable = label >= 0 && label < classes;
  for (std::int32_t c = lane; c < classes; c += 32) {
    usable = usable && isfinite(row[c]);
    most = larger(most, {row[c], c});
  }
  for (int distance = 16; distance > 0; distance /= 2) {
    most = larger(most, {__shfl_xor_sync(everyone, most.value, distance),
                         __shfl_xor_sync(everyone, most.index, distance)});
  }
  usable = __all_sync(everyone, usable);
  double sum = 0;
  for (std::int32_t c = lane; c < classes; c += 32)
    sum += exp(static_cast<double>(row[c]) - static_cast<double>(most.value));
  sum = warp_sum(sum);
  if (gradient) {
    for (std::int32_t c = lane; c < classes; c += 32) {
      const double share = exp(static_cast<double>(row[c]) - static_cast<double>(most.value)) / sum;
      gradient[c] = rounded_to<T>(usable ? static_cast<float>(weight * (share - (c == label)) / N) : NAN);
    }
  }
  if (!usable) return {NAN, 0};
  return {log(sum) + static_cast<double>(most.value) - static_cast<double>(row[label]),
          most.index == label ? 1u : 0u};
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

/// Grid: one block for every eight rows. `ticket` is 0 before and after.
template <typename T>
__global__ void __launch_bounds__(threads)
    softmax_rows(std::int32_t N, std::int32_t classes, double weight, const float* __restrict__ logits,
                 const std::int32_t* __restrict__ labels, const Classes table, T* __restrict__ diff_logits,
                 std::int64_t diff_stride, RowResult* results, unsigned* ticket, LossTotals* totals) {
  const std::int32_t n = static_cast<std::int32_t>(blockIdx.x * warps + threadIdx.x / 32);
  if (n < N) {
    const RowResult result = softmax_row(logits + std::int64_t{n} * classes, classes, table.of(labels[n]),
                                         weight, N, diff_logits ? diff_logits + n * diff_stride : nullptr);
    if (threadIdx.x % 32 == 0) results[n] = result;
  }
  __shared__ bool last;
  __threadfence();  // the results are there before the ticket says so
  __syncthreads();
  if (threadIdx.x == 0) last = atomicAdd(ticket, 1u) == gridDim.x - 1;
  __syncthreads();
  if (!last) return;
  __threadfence();

  __shared__ RowResult sums[threads];
  RowResult mine{0, 0};
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < N; i += threads) {
    const volatile RowResult& row = results[i];  // written by other blocks: not from a stale cache line
    mine.loss += row.loss;
    mine.correct += row.correct;
  }
  sums[threadIdx.x] = mine;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 1; i < threads; ++i) {
    mine.loss += sums[i].loss;
    mine.correct += sums[i].correct;
  }
  totals->loss_sum += mine.loss;
  totals->correct += mine.correct;
  totals->count += static_cast<std::uint64_t>(N);
  *ticket = 0;
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
           static_cast<std::int32_t>(p.N), static_cast<std::int32_t>(p.classes), p.weight,
           op.logits.as<float>(), op.labels.as<std::int32_t>(),
           Classes{op.class_of.as<std::int32_t>(), static_cast<std::int32_t>(p.labels)},
           op.diff_logits.item<T>(0), op.diff_logits.item_stride, results,
           reinterpret_cast<unsigned*>(tickets_.data()), op.totals.as<LossTotals>());
  });
}

}  // namespace bragg::cuda
