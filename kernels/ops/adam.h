// Adam, alone and behind the gradient of a dense layer's weights.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/dense.h"
#include "kernels/ops/op.h"

namespace bragg {

/// Adam (Kingma & Ba 2015, as torch.optim.Adam): step number t = state.step + 1;
///   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///   w -= learning_rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
struct AdamProblem {
  std::int64_t count = 0;
  double learning_rate = 1e-4, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  void validate() const;
  std::string text() const;
};

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

/// (count) numbers updated in place from gradients (count) of the precise type; state: StepState. src may
/// alias dst here alone.
struct Adam {
  static constexpr const char* name = "adam";
  AdamProblem problem{};
  AdamTensors tensors{};
  ConstTensor gradients{};
  ConstTensor state{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const RowsExtent extent{1, op.problem.count};
    visit(OperandInfo{Role::in, "state", NumberType::state}, op.state, RowsExtent{1, 2});
    AdamTensors::operands(op.tensors, visit, extent);
    visit(OperandInfo{Role::in, "gradients", NumberType::precise}, op.gradients, extent);
  }
  bool is_empty() const { return problem.count == 0; }
};

/// dense_backward_weights and then adam on the weights, (out, in) with its rows, the same bits; the gradient
/// of the weights never lies in memory. For backends that have it.
struct DenseBackwardWeightsAdam {
  static constexpr const char* name = "dense_backward_weights_adam";
  static constexpr bool is_fusion = true;
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
