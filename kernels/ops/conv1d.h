// 1D convolution, channels last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/ops/epilogue.h"
#include "kernels/ops/op.h"

namespace bragg {

///   src      (N, L_in, C_in)
///   weights  (C_out, kernel, C_in)
///   bias     (C_out)
///   dst      (N, L_out, C_out),  L_out = (pad_before + L_in + pad_after - kernel) / stride + 1
/// Padding lies in memory: rows of zeros around every item of src, as diff_dst has them for backward_data.
/// Neighbouring items may share them: an item_stride of (L + max(halo before, halo after)) * C with the rows
/// before item 0 ahead of it is enough.
struct Conv1dProblem {
  std::int64_t N = 0, L_in = 0, C_in = 0, C_out = 0, kernel = 0, stride = 1;
  std::int64_t pad_before = 0, pad_after = 0;

  bool is_padded() const { return pad_before > 0 || pad_after > 0; }
  std::int64_t L_out() const { return (pad_before + L_in + pad_after - kernel) / stride + 1; }
  /// The same outputs, the padding counted as a part of src: an item begins pad_before rows earlier.
  Conv1dProblem over_padding() const {
    return {N, pad_before + L_in + pad_after, C_in, C_out, kernel, stride};
  }

  /// Rows of zeros around every item of src.
  std::int64_t src_halo_before() const { return pad_before; }
  std::int64_t src_halo_after() const {
    return not_negative((L_out() - 1) * stride + kernel - pad_before - L_in);
  }
  /// Elements from one item of src to the next with that halo.
  std::int64_t haloed_src_item_stride() const {
    return (L_in + larger(src_halo_before(), src_halo_after())) * C_in;
  }

  // backward_data makes `stride` rows of diff_src, those of step q, from backward_taps() rows of diff_dst, the
  // last of which is q + backward_shift(). With padding that is no multiple of the stride the kernel counts as
  // longer by rows of zeros in front.
  std::int64_t backward_steps() const { return quotient_up(L_in, stride); }
  std::int64_t backward_shift() const { return quotient_up(pad_before, stride); }
  std::int64_t backward_zeros() const { return backward_shift() * stride - pad_before; }
  std::int64_t backward_taps() const { return quotient_up(backward_zeros() + kernel, stride); }
  /// Rows of zeros around every item of diff_dst that it reads.
  std::int64_t halo_before() const { return not_negative(backward_taps() - 1 - backward_shift()); }
  std::int64_t halo_after() const { return not_negative(backward_steps() + backward_shift() - L_out()); }
  /// Elements from one item of diff_dst to the next with that halo.
  std::int64_t haloed_item_stride() const { return (L_out() + larger(halo_before(), halo_after())) * C_out; }

  /// 2 x multiply-adds of one pass.
  double flops() const { return 2.0 * N * L_out() * C_out * kernel * C_in; }
  void validate() const;  ///< throws ProblemError, as all validate() do
  std::string text() const;

  // What its operands are.
  ActivationsExtent src_extent() const { return {N, L_in, C_in}; }
  ActivationsExtent haloed_src_extent() const {
    return {N, L_in, C_in, is_padded() ? haloed_src_item_stride() : 0, src_halo_before() * C_in, is_padded()};
  }
  ActivationsExtent dst_extent() const { return {N, L_out(), C_out}; }
  ActivationsExtent haloed_dst_extent() const {
    return {N, L_out(), C_out, haloed_item_stride(), halo_before() * C_out, true};
  }
  RowsExtent weights_extent() const { return {C_out, kernel * C_in}; }

 private:
  static constexpr std::int64_t quotient_up(std::int64_t n, std::int64_t d) { return (n + d - 1) / d; }
  static constexpr std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
  static constexpr std::int64_t not_negative(std::int64_t n) { return larger(n, 0); }
};

/// src of the padded problem as src of over_padding().
inline ConstActivations over_padding(const Conv1dProblem& p, ConstActivations src) {
  src.L = p.over_padding().L_in;
  if (src.data != nullptr)
    src.data = static_cast<const std::byte*>(src.data) -
               static_cast<std::size_t>(p.pad_before * p.C_in) * size_of(src.dtype);
  return src;
}

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
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.haloed_src_extent());
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst, op.problem.dst_extent());
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    Epilogue::operands(op.epilogue, visit, op.problem.C_out);
  }
  void check_more(const Check& check) const {
    epilogue.check(check, problem.N * problem.L_out(), problem.C_out);
  }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return epilogue.text(); }
  /// What backends are handed: without padding.
  Conv1dForward unpadded() const {
    return {problem.over_padding(), over_padding(problem, src), weights, dst, epilogue};
  }
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
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst,
          op.problem.haloed_dst_extent());
    visit(OperandInfo{Role::out, "diff_src", NumberType::element}, op.diff_src, op.problem.src_extent());
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    ReluGradient::operands(op.relu, visit, op.problem.src_extent());
  }
  void check_more(const Check& check) const { relu.check(check); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return relu.text(); }
};

/// src, diff_dst -> diff_weights (C_out, kernel, C_in), diff_bias (C_out); overwritten, not added to. Of an
/// empty batch they are 0. Rows between the items of diff_dst, zeros, may be summed as well.
struct Conv1dBackwardWeights {
  static constexpr const char* name = "conv1d_backward_weights";
  Conv1dProblem problem{};
  ConstActivations src{}, diff_dst{};
  Tensor diff_weights{}, diff_bias{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    ActivationsExtent diff_dst = op.problem.dst_extent();
    diff_dst.zeros_between = true;
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.haloed_src_extent());
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, diff_dst);
    visit(OperandInfo{Role::out, "diff_weights", NumberType::precise}, op.diff_weights,
          op.problem.weights_extent());
    visit(OperandInfo{Role::out, "diff_bias", NumberType::precise}, op.diff_bias,
          RowsExtent{1, op.problem.C_out});
  }
  bool is_empty() const { return problem.N == 0; }
  Conv1dBackwardWeights unpadded() const {
    return {problem.over_padding(), over_padding(problem, src), diff_dst, diff_weights, diff_bias};
  }
};

}  // namespace bragg
