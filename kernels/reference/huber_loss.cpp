// Huber loss and its gradient; the formula is HuberLossProblem's.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const HuberLoss& op) {
  const HuberLossProblem& p = op.problem;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  auto& total = *op.totals.as<LossTotals>();
  for (std::int64_t n = 0; n < p.N; ++n) {
    const double* predictions = op.predictions.as<double>() + n * p.outputs;
    const double* targets = op.targets.as<double>() + n * p.outputs;
    double sum = 0;
    for (std::int64_t k = 0; k < p.outputs; ++k) {
      const double distance = std::fabs(predictions[k] - targets[k]);
      sum += distance <= p.delta ? distance * distance / 2 : p.delta * (distance - p.delta / 2);
    }
    const bool usable = std::isfinite(sum);
    total.loss_sum += usable ? sum / static_cast<double>(p.outputs) : nan;
    total.count += 1;
    if (!op.diff_predictions.data) continue;
    double* gradient = op.diff_predictions.item<double>(n);
    for (std::int64_t k = 0; k < p.outputs; ++k) {
      const double clamped = std::clamp(predictions[k] - targets[k], -p.delta, p.delta);
      gradient[k] = usable ? p.weight * clamped / static_cast<double>(p.N * p.outputs) : nan;
    }
  }
}

}  // namespace bragg::reference
