// Average pooling, channels last.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/epilogue.h"
#include "kernels/ops/op.h"

namespace bragg {

/// src (N, L_in, C) -> dst (N, L_out, C). Padding counts as zeros: a sum is always divided by `kernel`.
struct AvgPool1dProblem {
  std::int64_t N = 0, L_in = 0, C = 0, kernel = 0, stride = 1;
  std::int64_t pad_before = 0, pad_after = 0;

  bool is_padded() const { return pad_before > 0 || pad_after > 0; }
  std::int64_t L_out() const { return (pad_before + L_in + pad_after - kernel) / stride + 1; }
  void validate() const;
  std::string text() const;

  ActivationsExtent src_extent() const { return {N, L_in, C}; }
  ActivationsExtent dst_extent() const { return {N, L_out(), C}; }
};

struct AvgPool1dForward {
  static constexpr const char* name = "avg_pool1d_forward";
  AvgPool1dProblem problem{};
  ConstActivations src{};
  Activations dst{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.src_extent());
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst, op.problem.dst_extent());
  }
  bool is_empty() const { return problem.N == 0; }
};

/// diff_dst (N, L_out, C) -> diff_src (N, L_in, C)
struct AvgPool1dBackward {
  static constexpr const char* name = "avg_pool1d_backward";
  AvgPool1dProblem problem{};
  ConstActivations diff_dst{};
  Activations diff_src{};
  ReluGradient relu{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, op.problem.dst_extent());
    visit(OperandInfo{Role::out, "diff_src", NumberType::element}, op.diff_src, op.problem.src_extent());
    ReluGradient::operands(op.relu, visit, op.problem.src_extent());
  }
  void check_more(const Check& check) const { relu.check(check); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return relu.text(); }
};

}  // namespace bragg
