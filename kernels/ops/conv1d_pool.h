// A convolution and the average pooling behind it in one op, for backends that have it (Backend::has): what
// lies between never lies in memory.
#pragma once

#include <string>

#include "kernels/ops/avg_pool1d.h"
#include "kernels/ops/conv1d.h"

namespace bragg {

/// conv1d_forward (its sums perhaps in another order) and then avg_pool1d_forward: src (N, L_in, C_in), weights (C_out,
/// kernel, C_in) -> dst (N, pool's L_out, C_out). What lies between is rounded to the element type; an element that is
/// not finite may spoil a group of 8 channels of what is pooled of it. `kept`, if given, gets one bit of each of its
/// elements (KeptBits). Aligned: src and dst begin at, and the items of dst are, multiples of row_alignment() apart;
/// those of src whole multiples of row_alignment() steps, as src_item_stride is.
struct Conv1dPoolForward {
  static constexpr const char* name = "conv1d_pool_forward";
  static constexpr bool is_fusion = true;
  Conv1dProblem problem{};
  AvgPool1dProblem pool{};
  ConstActivations src{};
  ConstTensor weights{};
  Activations dst{};
  Tensor kept{};
  Epilogue epilogue{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst,
          ActivationsExtent{op.problem.N, op.pool.L_out(), op.problem.C_out});
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    visit(OperandInfo{Role::out, "kept", NumberType::u32, true}, op.kept,
          RowsExtent{1, op.problem.N * op.problem.L_out() * kept_words(op.problem.C_out)});
    Epilogue::operands(op.epilogue, visit, op.problem.C_out);
  }
  void validate_more() const { pool.validate(); }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
  std::string details() const;
};

/// avg_pool1d_backward through the ReLU and dropout of conv1d_pool_forward.
struct AvgPool1dBackwardKept {
  static constexpr const char* name = "avg_pool1d_backward_kept";
  static constexpr bool is_fusion = true;
  AvgPool1dProblem problem{};
  ConstActivations diff_dst{};
  Activations diff_src{};
  KeptBits kept{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, op.problem.dst_extent());
    visit(OperandInfo{Role::out, "diff_src", NumberType::element}, op.diff_src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "kept", NumberType::u32}, op.kept.words,
          RowsExtent{1, op.problem.N * op.problem.L_in * kept_words(op.problem.C)});
  }
  void check_more(const Check& check) const { check.probability("dropout", kept.p); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return ", relu and dropout of its input by their bits"; }
};

/// avg_pool1d_backward_kept, and conv1d_backward_weights of what it would leave, which never lies in memory: src of the convolution,
/// diff_dst of the pooling -> diff_weights, diff_bias. Aligned: src begins at a multiple of row_alignment(), its items as far apart as
/// src_item_stride has them.
struct Conv1dPoolBackwardWeights {
  static constexpr const char* name = "conv1d_pool_backward_weights";
  static constexpr bool is_fusion = true;
  Conv1dProblem problem{};
  AvgPool1dProblem pool{};
  ConstActivations src{}, diff_dst{};
  KeptBits kept{};
  Tensor diff_weights{}, diff_bias{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst,
          ActivationsExtent{op.problem.N, op.pool.L_out(), op.problem.C_out});
    visit(OperandInfo{Role::in, "kept", NumberType::u32}, op.kept.words,
          RowsExtent{1, op.problem.N * op.problem.L_out() * kept_words(op.problem.C_out)});
    visit(OperandInfo{Role::out, "diff_weights", NumberType::precise}, op.diff_weights,
          op.problem.weights_extent());
    visit(OperandInfo{Role::out, "diff_bias", NumberType::precise}, op.diff_bias,
          RowsExtent{1, op.problem.C_out});
  }
  void validate_more() const { pool.validate(); }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
  std::string details() const;
};

}  // namespace bragg
