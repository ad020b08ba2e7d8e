// 1D convolution without padding, channels last.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/epilogue.h"
#include "kernels/ops/op.h"

namespace bragg {

///   src      (N, L_in, C_in)
///   weights  (C_out, kernel, C_in)
///   bias     (C_out)
///   dst      (N, L_out, C_out),  L_out = (L_in - kernel) / stride + 1
struct Conv1dProblem {
  std::int64_t N = 0, L_in = 0, C_in = 0, C_out = 0, kernel = 0, stride = 1;

  std::int64_t L_out() const { return (L_in - kernel) / stride + 1; }
  /// Rows of zeros that backward_data reads before the first and after the last row of every item of
  /// diff_dst, because its windows on diff_dst reach beyond the item. Neighbouring items may share them:
  /// an item_stride of (L_out + max(halo_before, halo_after)) * C_out with halo_before rows ahead of item 0
  /// is enough.
  std::int64_t halo_before() const { return (kernel + stride - 1) / stride - 1; }
  std::int64_t halo_after() const { return (L_in + stride - 1) / stride - L_out(); }
  /// Elements from one item of diff_dst to the next with that halo.
  std::int64_t haloed_item_stride() const {
    return (L_out() + (halo_before() > halo_after() ? halo_before() : halo_after())) * C_out;
  }
  /// 2 x multiply-adds of one pass.
  double flops() const { return 2.0 * N * L_out() * C_out * kernel * C_in; }
  void validate() const;  ///< throws ProblemError, as all validate() do
  std::string text() const;

  // What its operands are.
  ActivationsExtent src_extent() const { return {N, L_in, C_in}; }
  ActivationsExtent dst_extent() const { return {N, L_out(), C_out}; }
  RowsExtent weights_extent() const { return {C_out, kernel * C_in}; }
};

/// src (N, L_in, C_in), weights (C_out, kernel, C_in) -> dst (N, L_out, C_out)
struct Conv1dForward {
  static constexpr const char* name = "conv1d_forward";
  Conv1dProblem problem{};
  ConstActivations src{};
  ConstTensor weights{};
  Activations dst{};
  Epilogue epilogue{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst, op.problem.dst_extent());
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    Epilogue::operands(op.epilogue, visit, op.problem.C_out);
  }
  void check_more(const Check& check) const {
    epilogue.check(check, problem.N * problem.L_out(), problem.C_out);
  }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return epilogue.text(); }
};

/// diff_dst (N, L_out, C_out) with halo_before/after() rows of zeros around every item -> diff_src (N, L_in,
/// C_in). Rows of diff_src that no output reads become 0.
struct Conv1dBackwardData {
  static constexpr const char* name = "conv1d_backward_data";
  Conv1dProblem problem{};
  ConstActivations diff_dst{};
  ConstTensor weights{};
  Activations diff_src{};
  ReluGradient relu{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    ActivationsExtent haloed = op.problem.dst_extent();
    haloed.least_item_stride = op.problem.haloed_item_stride();
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, haloed);
    visit(OperandInfo{Role::out, "diff_src", NumberType::element}, op.diff_src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    ReluGradient::operands(op.relu, visit, op.problem.src_extent());
  }
  void check_more(const Check& check) const { relu.check(check); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return relu.text(); }
};

/// src, diff_dst -> diff_weights (C_out, kernel, C_in), diff_bias (C_out); overwritten, not added to. Of an
/// empty batch they are 0.
struct Conv1dBackwardWeights {
  static constexpr const char* name = "conv1d_backward_weights";
  Conv1dProblem problem{};
  ConstActivations src{}, diff_dst{};
  Tensor diff_weights{}, diff_bias{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, op.problem.dst_extent());
    visit(OperandInfo{Role::out, "diff_weights", NumberType::precise}, op.diff_weights,
          op.problem.weights_extent());
    visit(OperandInfo{Role::out, "diff_bias", NumberType::precise}, op.diff_bias,
          RowsExtent{1, op.problem.C_out});
  }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
