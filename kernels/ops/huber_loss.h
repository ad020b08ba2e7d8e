// Huber loss: of numbers to be found, as softmax cross-entropy is of classes.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/loss_totals.h"
#include "kernels/ops/op.h"

namespace bragg {

/// Of (N, outputs), as torch.nn.HuberLoss: with r = prediction - target, r^2 / 2 where |r| <= delta, beyond it
/// delta (|r| - delta / 2). The gradient is `weight` times that of the mean over all N * outputs.
struct HuberLossProblem {
  std::int64_t N = 0, outputs = 0;
  double delta = 1;
  double weight = 1;  ///< of this loss among those of a network
  void validate() const;
  std::string text() const;
};

/// predictions (N, outputs), targets (N, outputs), both of the precise type -> diff_predictions (N, 1, outputs)
/// = weight clamp(r, -delta, delta) / (N outputs), if given; and totals (LossTotals on the device) += N patterns
/// and the sum over them of the mean over outputs, without the weight. A number that is not finite, or a
/// difference, makes loss_sum NaN, and so the gradient of its pattern.
struct HuberLoss {
  static constexpr const char* name = "huber_loss";
  HuberLossProblem problem{};
  ConstTensor predictions{}, targets{};
  Activations diff_predictions{};
  Tensor totals{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const RowsExtent extent{1, op.problem.N * op.problem.outputs};
    visit(OperandInfo{Role::in, "predictions", NumberType::precise}, op.predictions, extent);
    visit(OperandInfo{Role::in, "targets", NumberType::precise}, op.targets, extent);
    visit(OperandInfo{Role::out, "diff_predictions", NumberType::element, true}, op.diff_predictions,
          ActivationsExtent{op.problem.N, 1, op.problem.outputs});
    visit(OperandInfo{Role::inout, "totals", NumberType::totals}, op.totals, RowsExtent{1, 3});
  }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
