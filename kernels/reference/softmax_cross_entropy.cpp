// Softmax cross-entropy, its gradient and the count of top-1 hits.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
void ReferenceBackend::run_op(const SoftmaxCrossEntropy& op) {
  const SoftmaxCrossEntropyProblem& p = op.problem;
  auto& total = *op.totals.as<LossTotals>();
  const double class_weights = op.weight_of_classes<double>(), batch_weight = op.weight_of_batch<double>();
  for (std::int64_t n = 0; n < p.N; ++n) {
    const double* row = op.logits.as<double>() + n * p.classes;
    const std::int64_t label = op.class_of_pattern(n);
    const bool usable = label >= 0 && label < p.classes &&
                        std::all_of(row, row + p.classes, [](double x) { return std::isfinite(x); });
    const std::int64_t best = std::max_element(row, row + p.classes) - row;  // the first of equals
    double sum = 0;
    for (std::int64_t c = 0; c < p.classes; ++c)
      sum += std::exp(row[c] - row[best]);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const LossTarget target = loss_target(p.label_smoothing, p.classes,
                                          usable ? op.weight_of_class<double>(label) : 0, class_weights);
    const auto q = [&](std::int64_t c) {
      return target.everywhere * op.weight_of_class<double>(c) + (c == label ? target.at_label : 0);
    };
    double loss = 0;
    for (std::int64_t c = 0; c < p.classes; ++c)
      loss += q(c) * (std::log(sum) + row[best] - row[c]);
    total.loss_sum += usable ? loss * (static_cast<double>(p.N) / batch_weight) : nan;
    total.correct += usable && best == label;
    total.count += 1;
    if (!op.diff_logits.data) continue;
    double* gradient = op.diff_logits.item<double>(n);
    for (std::int64_t c = 0; c < p.classes; ++c) {
      const double probability = std::exp(row[c] - row[best]) / sum;
      gradient[c] = usable ? p.weight * (probability * target.sum - q(c)) / batch_weight : nan;
    }
  }
}

}  // namespace bragg::reference
