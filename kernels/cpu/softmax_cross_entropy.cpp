// Softmax cross-entropy, its gradient and the count of top-1 hits. Rows in double; they are added up in
// order.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/keep.h"

namespace bragg::cpu {
namespace {

struct RowResult {
  double loss;
  std::uint64_t correct;
};

/// Sums of class weights, of all classes and of the batch's.
struct Weights {
  double classes, batch;
};

template <typename Element>
RowResult softmax_row(const SoftmaxCrossEntropy& op, const Weights& weights, std::int64_t n) {
  const SoftmaxCrossEntropyProblem& p = op.problem;
  const std::int64_t classes = p.classes, label = op.class_of_pattern(n);
  const float* row = op.logits.as<float>() + n * classes;
  Element* gradient = op.diff_logits.data ? op.diff_logits.item<Element>(n) : nullptr;
  const bool usable = label >= 0 && label < classes &&
                      std::all_of(row, row + classes, [](float x) { return std::isfinite(x); });
  if (!usable) {
    for (std::int64_t c = 0; gradient && c < classes; ++c)
      keep(std::numeric_limits<double>::quiet_NaN(), gradient + c);
    return {std::numeric_limits<double>::quiet_NaN(), 0};
  }
  const std::int64_t best = std::max_element(row, row + classes) - row;  // the first of equals
  const double most = row[best];
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c)
    sum += std::exp(row[c] - most);
  const LossTarget target =
      loss_target(p.label_smoothing, classes, op.weight_of_class<float>(label), weights.classes);
  const auto q = [&](std::int64_t c) {
    return target.everywhere * op.weight_of_class<float>(c) + (c == label ? target.at_label : 0);
  };
  if (gradient) {
    for (std::int64_t c = 0; c < classes; ++c)
      keep(p.weight * (std::exp(row[c] - most) / sum * target.sum - q(c)) / weights.batch, gradient + c);
  }
  const double log_sum = std::log(sum) + most;
  double loss = target.at_label * (log_sum - row[label]);
  if (target.everywhere > 0) {
    for (std::int64_t c = 0; c < classes; ++c)
      loss += target.everywhere * op.weight_of_class<float>(c) * (log_sum - row[c]);
  }
  return {loss * (static_cast<double>(p.N) / weights.batch), best == label};
}

}  // namespace

std::size_t CpuBackend::workspace_of(const SoftmaxCrossEntropyProblem& p) const {
  return sizeof(RowResult) * static_cast<std::size_t>(p.N);
}

void CpuBackend::run_op(const SoftmaxCrossEntropy& op) {
  const SoftmaxCrossEntropyProblem& p = op.problem;
  auto* results = static_cast<RowResult*>(workspace("softmax_cross_entropy", workspace_of(p)));
  const Weights weights{op.weight_of_classes<float>(), op.weight_of_batch<float>()};
  with_element_type([&]<typename Element>() {
    pool_.run(p.N, [&](std::int64_t n, int) { results[n] = softmax_row<Element>(op, weights, n); });
  });
  auto& total = *op.totals.as<LossTotals>();
  for (std::int64_t n = 0; n < p.N; ++n) {
    total.loss_sum += results[n].loss;
    total.correct += results[n].correct;
  }
  total.count += static_cast<std::uint64_t>(p.N);
}

}  // namespace bragg::cpu
