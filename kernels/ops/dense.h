// Fully connected layer.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/epilogue.h"
#include "kernels/ops/op.h"

namespace bragg {

/// src (N, K = in), weights (M = out, K), bias (out), dst (N, out).
struct DenseProblem {
  std::int64_t N = 0, in = 0, out = 0;

  double flops() const { return 2.0 * N * in * out; }
  void validate() const;
  std::string text() const;

  ActivationsExtent src_extent() const { return {N, 1, in}; }
  ActivationsExtent dst_extent() const { return {N, 1, out}; }
  RowsExtent weights_extent() const { return {out, in}; }
};

/// src (N, 1, in), weights (out, in) -> dst (N, 1, out), of the element type or (logits) the precise type
struct DenseForward {
  static constexpr const char* name = "dense_forward";
  DenseProblem problem{};
  ConstActivations src{};
  ConstTensor weights{};
  Activations dst{};
  Epilogue epilogue{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::out, "dst", NumberType::element_or_precise}, op.dst, op.problem.dst_extent());
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    Epilogue::operands(op.epilogue, visit, op.problem.out);
  }
  void check_more(const Check& check) const { epilogue.check(check, problem.N, problem.out); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return epilogue.text(); }
};

/// diff_dst (N, 1, out), weights (out, in) -> diff_src (N, 1, in)
struct DenseBackwardData {
  static constexpr const char* name = "dense_backward_data";
  DenseProblem problem{};
  ConstActivations diff_dst{};
  ConstTensor weights{};
  Activations diff_src{};
  ReluGradient relu{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, op.problem.dst_extent());
    visit(OperandInfo{Role::out, "diff_src", NumberType::element}, op.diff_src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    ReluGradient::operands(op.relu, visit, op.problem.src_extent());
  }
  void check_more(const Check& check) const { relu.check(check); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return relu.text(); }
};

/// src (N, 1, in), diff_dst (N, 1, out) -> diff_weights (out, in), diff_bias (out); overwritten. Of an empty
/// batch they are 0.
struct DenseBackwardWeights {
  static constexpr const char* name = "dense_backward_weights";
  DenseProblem problem{};
  ConstActivations src{}, diff_dst{};
  Tensor diff_weights{}, diff_bias{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, op.problem.dst_extent());
    visit(OperandInfo{Role::out, "diff_weights", NumberType::precise}, op.diff_weights,
          op.problem.weights_extent());
    visit(OperandInfo{Role::out, "diff_bias", NumberType::precise}, op.diff_bias,
          RowsExtent{1, op.problem.out});
  }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
