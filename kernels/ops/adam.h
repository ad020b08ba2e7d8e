// Adam, alone and behind the gradient of a dense layer's weights.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/host_device.h"
#include "kernels/ops/dense.h"
#include "kernels/ops/learning_rate.h"
#include "kernels/ops/op.h"

namespace bragg {

/// Adam (Kingma & Ba 2015, as torch.optim.Adam): step number t = state.step + 1;
///   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///   w -= learning_rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
/// with the learning rate of state.step. With a weight decay it is AdamW (Loshchilov & Hutter 2019, as
/// torch.optim.AdamW): w *= 1 - learning_rate * weight_decay before. With a clip_norm g is multiplied by
/// clip_factor() before.
struct AdamProblem {
  std::int64_t count = 0;
  LearningRate learning_rate = 1e-4;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;
  double clip_norm = 0;  ///< 0: gradients are taken as they are
  void validate() const;
  std::string text() const;
};

/// What gradients of that norm are multiplied by so that it is at most clip_norm, as
/// torch.nn.utils.clip_grad_norm_ has it: min(1, clip_norm / (norm + 1e-6)). Of a norm that is NaN or infinite NaN:
/// weights that such gradients were added to shall be known by all of them.
BRAGG_HOST_DEVICE inline double clip_factor(double clip_norm, double norm) {
  const double nan_unless_finite = norm - norm;
  const double factor = clip_norm / (norm + 1e-6);
  return (factor < 1 ? factor : 1) + nan_unless_finite;
}

/// What Adam updates, all of the precise type but `working`: the new weights rounded to the element type,
/// none where the types are the same.
struct AdamTensors {
  Tensor weights{}, m{}, v{}, working{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit, const RowsExtent& extent) {
    visit(OperandInfo{Role::inout, "weights", NumberType::precise}, op.weights, extent);
    visit(OperandInfo{Role::inout, "m", NumberType::precise}, op.m, extent);
    visit(OperandInfo{Role::inout, "v", NumberType::precise}, op.v, extent);
    visit(OperandInfo{Role::out, "working", NumberType::rounded}, op.working, extent);
  }
};

/// (count) numbers updated in place from gradients (count) of the precise type; state: StepState; norm: of all
/// gradients of the network (op norm), where the problem has a clip_norm. src may alias dst here alone.
struct Adam {
  static constexpr const char* name = "adam";
  AdamProblem problem{};
  AdamTensors tensors{};
  ConstTensor gradients{};
  ConstTensor state{};
  ConstTensor norm{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const RowsExtent extent{1, op.problem.count};
    visit(OperandInfo{Role::in, "state", NumberType::state}, op.state, RowsExtent{1, 2});
    AdamTensors::operands(op.tensors, visit, extent);
    visit(OperandInfo{Role::in, "gradients", NumberType::precise}, op.gradients, extent);
    visit(OperandInfo{Role::in, "norm", NumberType::f64, true}, op.norm, RowsExtent{1, 1});
  }
  void check_more(const Check& check) const {
    if (problem.clip_norm > 0) check.present("norm", norm.data);
  }
  bool is_empty() const { return problem.count == 0; }
};

/// dense_backward_weights and then adam on the weights, (out, in) with its rows, the same bits but where it runs beside others; the
/// gradient of the weights never lies in memory, so that there is no norm to clip by. For backends that have it.
struct DenseBackwardWeightsAdam {
  static constexpr const char* name = "dense_backward_weights_adam";
  static constexpr bool is_fusion = true;
  /// A backend may go on with the ops behind it before it has ended: what it reads is left as it is.
  static constexpr bool may_go_on_beside = true;
  DenseProblem problem{};
  ConstActivations src{}, diff_dst{};
  AdamProblem adam{};
  AdamTensors tensors{};
  Tensor diff_bias{};
  ConstTensor state{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, op.problem.dst_extent());
    AdamTensors::operands(op.tensors, visit, op.problem.weights_extent());
    visit(OperandInfo{Role::out, "diff_bias", NumberType::precise}, op.diff_bias,
          RowsExtent{1, op.problem.out});
    visit(OperandInfo{Role::in, "state", NumberType::state}, op.state, RowsExtent{1, 2});
  }
  void validate_more() const { adam.validate(); }
  void check_more(const Check&) const;
  bool is_empty() const { return false; }
};

}  // namespace bragg
