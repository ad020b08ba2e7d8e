// Softmax cross-entropy.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/op.h"

namespace bragg {

/// Of (N, classes) with labels i32 (N). The gradient is that of the mean over N.
struct SoftmaxCrossEntropyProblem {
  std::int64_t N = 0, classes = 0;
  void validate() const;
  std::string text() const;
};

/// Sums that the loss op adds to, in device memory. Rows whose logits hold a NaN or an infinity make loss_sum
/// NaN and never count as correct. Ties of the maximum count for the lowest class.
struct LossTotals {
  double loss_sum;
  std::uint64_t correct;
  std::uint64_t count;
};

/// logits (N, classes), labels i32 (N) -> diff_logits (N, 1, classes) = (softmax - one_hot) / N, if given;
/// and totals (LossTotals on the device) += this batch. A label outside [0, classes) makes loss_sum NaN.
struct SoftmaxCrossEntropy {
  static constexpr const char* name = "softmax_cross_entropy";
  SoftmaxCrossEntropyProblem problem{};
  ConstTensor logits{}, labels{};
  Activations diff_logits{};
  Tensor totals{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "logits", NumberType::precise}, op.logits,
          RowsExtent{1, op.problem.N * op.problem.classes});
    visit(OperandInfo{Role::in, "labels", NumberType::i32}, op.labels, RowsExtent{1, op.problem.N});
    visit(OperandInfo{Role::out, "diff_logits", NumberType::element, true}, op.diff_logits,
          ActivationsExtent{op.problem.N, 1, op.problem.classes});
    visit(OperandInfo{Role::inout, "totals", NumberType::bytes}, op.totals, RowsExtent{1, 1});
  }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
