// Huber loss and its gradient in one launch: a thread to a pattern, in double; the block that finishes last adds
// up the patterns in order. The formula is HuberLossProblem's.
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/loss_rows.cuh"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 64;

struct HuberConstants {
  std::int64_t N, outputs;
  double delta, weight;
};

/// Grid: a block for every 64 patterns. `ticket` is 0 before and after.
template <typename T>
__global__ void __launch_bounds__(threads)
    huber_rows(const HuberConstants p, const float* __restrict__ predictions,
               const float* __restrict__ targets, T* __restrict__ diff_predictions, std::int64_t diff_stride,
               RowResult* results, unsigned* ticket, LossTotals* totals) {
  wait_for_previous_kernel();
  const std::int64_t n = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  if (n < p.N) {
    const auto difference = [&](std::int64_t k) {
      return static_cast<double>(predictions[n * p.outputs + k]) -
             static_cast<double>(targets[n * p.outputs + k]);
    };
    double sum = 0;
    for (std::int64_t k = 0; k < p.outputs; ++k) {
      const double distance = fabs(difference(k));
      sum += distance <= p.delta ? distance * distance / 2 : p.delta * (distance - p.delta / 2);
    }
    const bool usable = isfinite(sum);
    results[n] = {usable ? sum / static_cast<double>(p.outputs) : NAN, 0};
    if (diff_predictions) {
      for (std::int64_t k = 0; k < p.outputs; ++k) {
        const double clamped = fmin(fmax(difference(k), -p.delta), p.delta);
        diff_predictions[n * diff_stride + k] = rounded_to<T>(
            usable ? static_cast<float>(p.weight * clamped / static_cast<double>(p.N * p.outputs)) : NAN);
      }
    }
  }
  add_rows<threads>(p.N, results, ticket, totals);
}

}  // namespace

std::size_t CudaBackend::workspace_of(const HuberLossProblem& p) const {
  return sizeof(RowResult) * static_cast<std::size_t>(p.N);
}

void CudaBackend::run_op(const HuberLoss& op) {
  const HuberLossProblem& p = op.problem;
  auto* const results = static_cast<RowResult*>(workspace("huber_loss", workspace_of(p)));
  const auto blocks = static_cast<unsigned>((p.N + threads - 1) / threads);
  with_element_type([&]<typename T>() {
    launch([&] { return text(op); }, launches(), {dim3(blocks), dim3(threads)}, huber_rows<T>,
           HuberConstants{p.N, p.outputs, p.delta, p.weight}, op.predictions.as<float>(),
           op.targets.as<float>(), op.diff_predictions.item<T>(0), op.diff_predictions.item_stride, results,
           reinterpret_cast<unsigned*>(ticket_.data()), op.totals.as<LossTotals>());
  });
}

}  // namespace bragg::cuda
