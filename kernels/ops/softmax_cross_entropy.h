// Softmax cross-entropy.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/op.h"

namespace bragg {

/// Of (N, classes) with labels i32 (N). The gradient is `weight` times that of the mean over N.
struct SoftmaxCrossEntropyProblem {
  std::int64_t N = 0, classes = 0;
  std::int64_t labels = 0;  ///< > 0: labels are in [0, labels), and a table says which class each belongs to
  double weight = 1;        ///< of this loss among those of a network
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

/// logits (N, classes), labels i32 (N), and where the problem has labels class_of i32 (labels) -> diff_logits
/// (N, 1, classes) = weight (softmax - one_hot) / N, if given; and totals (LossTotals on the device) += this
/// batch, without the weight. A class outside [0, classes) or a label outside the table makes loss_sum NaN.
struct SoftmaxCrossEntropy {
  static constexpr const char* name = "softmax_cross_entropy";
  SoftmaxCrossEntropyProblem problem{};
  ConstTensor logits{}, labels{}, class_of{};
  Activations diff_logits{};
  Tensor totals{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "logits", NumberType::precise}, op.logits,
          RowsExtent{1, op.problem.N * op.problem.classes});
    visit(OperandInfo{Role::in, "labels", NumberType::i32}, op.labels, RowsExtent{1, op.problem.N});
    visit(OperandInfo{Role::in, "class_of", NumberType::i32, true}, op.class_of,
          RowsExtent{1, op.problem.labels});
    visit(OperandInfo{Role::out, "diff_logits", NumberType::element, true}, op.diff_logits,
          ActivationsExtent{op.problem.N, 1, op.problem.classes});
    visit(OperandInfo{Role::inout, "totals", NumberType::totals}, op.totals, RowsExtent{1, 3});
  }
  void check_more(const Check& check) const {
    if (problem.labels > 0) check.present("class_of", class_of.data);
  }
  bool is_empty() const { return problem.N == 0; }

  /// Where the host may read the operands: the class of pattern n; -1 for a label outside the table.
  std::int64_t class_of_pattern(std::int64_t n) const {
    const std::int64_t label = labels.as<std::int32_t>()[n];
    if (!class_of) return label;
    return label >= 0 && label < problem.labels ? class_of.as<std::int32_t>()[label] : -1;
  }
};

}  // namespace bragg
