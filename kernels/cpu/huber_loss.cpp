// Huber loss and its gradient, in double and by one thread: there are few numbers.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/cpu_backend.h"

namespace bragg::cpu {

void CpuBackend::run_op(const HuberLoss& op) {
  const HuberLossProblem& p = op.problem;
  auto& total = *op.totals.as<LossTotals>();
  for (std::int64_t n = 0; n < p.N; ++n) {
    const float* predictions = op.predictions.as<float>() + n * p.outputs;
    const float* targets = op.targets.as<float>() + n * p.outputs;
    const auto difference = [&](std::int64_t k) { return double{predictions[k]} - double{targets[k]}; };
    double sum = 0;
    for (std::int64_t k = 0; k < p.outputs; ++k) {
      const double distance = std::fabs(difference(k));
      sum += distance <= p.delta ? distance * distance / 2 : p.delta * (distance - p.delta / 2);
    }
    const bool usable = std::isfinite(sum);
    total.loss_sum +=
        usable ? sum / static_cast<double>(p.outputs) : std::numeric_limits<double>::quiet_NaN();
    if (!op.diff_predictions.data) continue;
    float* gradient = op.diff_predictions.item<float>(n);
    for (std::int64_t k = 0; k < p.outputs; ++k)
      gradient[k] = usable ? static_cast<float>(p.weight * std::clamp(difference(k), -p.delta, p.delta) /
                                                static_cast<double>(p.N * p.outputs))
                           : std::numeric_limits<float>::quiet_NaN();
  }
  total.count += static_cast<std::uint64_t>(p.N);
}

}  // namespace bragg::cpu
