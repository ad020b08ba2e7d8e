// Huber loss and its gradient, in double and by one thread: there are few numbers.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/keep.h"

namespace bragg::cpu {

namespace {

template <typename Element>
void huber_loss(const HuberLoss& op, LossTotals& total) {
  const HuberLossProblem& p = op.problem;
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
    Element* gradient = op.diff_predictions.item<Element>(n);
    for (std::int64_t k = 0; k < p.outputs; ++k)
      keep(usable ? p.weight * std::clamp(difference(k), -p.delta, p.delta) /
                        static_cast<double>(p.N * p.outputs)
                  : std::numeric_limits<double>::quiet_NaN(),
           gradient + k);
  }
  total.count += static_cast<std::uint64_t>(p.N);
}

}  // namespace

void CpuBackend::run_op(const HuberLoss& op) {
  with_element_type([&]<typename Element>() { huber_loss<Element>(op, *op.totals.as<LossTotals>()); });
}

}  // namespace bragg::cpu
