// Softmax cross-entropy.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/host_device.h"
#include "kernels/ops/loss_totals.h"
#include "kernels/ops/op.h"

namespace bragg {

/// Of (N, classes) with labels i32 (N). The gradient is `weight` times that of the mean over N. Label smoothing
/// is that of torch.nn.CrossEntropyLoss (Szegedy et al. 2016): the target is (1 - smoothing) at the label, and
/// smoothing / classes at every class beside.
struct SoftmaxCrossEntropyProblem {
  std::int64_t N = 0, classes = 0;
  std::int64_t labels = 0;  ///< > 0: labels are in [0, labels), and a table says which class each belongs to
  double weight = 1;        ///< of this loss among those of a network
  double label_smoothing = 0;
  void validate() const;
  std::string text() const;
};

/// The target of a pattern, in place of one-hot: q_c = everywhere w_c, and at the label at_label more, with the
/// weights w of the classes, which are 1 where none are given.
struct LossTarget {
  double at_label;    ///< (1 - smoothing) w_label
  double everywhere;  ///< smoothing / classes
  double sum;         ///< of q
};
BRAGG_HOST_DEVICE inline LossTarget loss_target(double smoothing, std::int64_t classes, double label_weight,
                                                double weight_sum) {
  const double at_label = (1 - smoothing) * label_weight,
               everywhere = smoothing / static_cast<double>(classes);
  return {at_label, everywhere, at_label + everywhere * weight_sum};
}

/// logits (N, classes), labels i32 (N), where the problem has labels class_of i32 (labels), and class_weights
/// (classes) of the precise type, if given -> diff_logits (N, 1, classes) = weight (softmax sum(q) - q) / W, if
/// given, with q of LossTarget; W is N, or with class weights the sum of the weights of the batch's classes, as
/// torch.nn.CrossEntropyLoss has its mean. And totals (LossTotals on the device) += N patterns and N times the
/// mean that is trained (sum over patterns of -q log softmax, / W), without the weight. A class outside
/// [0, classes) or a label outside the table makes loss_sum NaN; weights that add up to 0 make it NaN or infinite.
struct SoftmaxCrossEntropy {
  static constexpr const char* name = "softmax_cross_entropy";
  SoftmaxCrossEntropyProblem problem{};
  ConstTensor logits{}, labels{}, class_of{};
  Activations diff_logits{};
  Tensor totals{};
  ConstTensor class_weights{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "logits", NumberType::precise}, op.logits,
          RowsExtent{1, op.problem.N * op.problem.classes});
    visit(OperandInfo{Role::in, "labels", NumberType::i32}, op.labels, RowsExtent{1, op.problem.N});
    visit(OperandInfo{Role::in, "class_of", NumberType::i32, true}, op.class_of,
          RowsExtent{1, op.problem.labels});
    visit(OperandInfo{Role::in, "class_weights", NumberType::precise, true}, op.class_weights,
          RowsExtent{1, op.problem.classes});
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

  /// Where the host may read them, as Numbers: the weight of a class; 1 without any.
  template <typename Number>
  double weight_of_class(std::int64_t c) const {
    return class_weights ? static_cast<double>(class_weights.as<Number>()[c]) : 1.0;
  }
  /// The sum over classes.
  template <typename Number>
  double weight_of_classes() const {
    if (!class_weights) return static_cast<double>(problem.classes);
    double sum = 0;
    for (std::int64_t c = 0; c < problem.classes; ++c)
      sum += weight_of_class<Number>(c);
    return sum;
  }
  /// W: the sum over the batch. A class that there is not has no weight.
  template <typename Number>
  double weight_of_batch() const {
    if (!class_weights) return static_cast<double>(problem.N);
    double sum = 0;
    for (std::int64_t n = 0; n < problem.N; ++n)
      if (const std::int64_t c = class_of_pattern(n); c >= 0 && c < problem.classes)
        sum += weight_of_class<Number>(c);
    return sum;
  }
};

}  // namespace bragg
