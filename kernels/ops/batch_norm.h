// Batch normalisation (Ioffe & Szegedy 2015) over all rows of a batch, a channel at a time, as torch.nn.BatchNorm1d;
// with an addend where a branch of a network comes back; and what is left of it in inference.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/epilogue.h"
#include "kernels/ops/op.h"

namespace bragg {

/// src and dst (N, L, C); a channel's mean and variance are those of its N * L numbers.
struct BatchNormProblem {
  std::int64_t N = 0, L = 0, C = 0;
  double epsilon = 1e-5;  ///< what the variance is raised by
  double momentum = 0.1;  ///< running += momentum (batch's - running); 1: the batch's in its place
  void validate() const;
  std::string text() const;

  std::int64_t rows() const { return N * L; }
  ActivationsExtent extent() const { return {N, L, C}; }
  RowsExtent channels() const { return {1, C}; }
};

/// dst = epilogue((src - mean) * inverse_deviation * scale + shift + addend), with
///   mean               of the batch
///   inverse_deviation  1 / sqrt(variance + epsilon), variance = sum (src - mean)^2 / (N L)
/// Both are left for the gradient. running_mean and running_variance, the latter of sum / (N L - 1), move by momentum.
/// A batch of fewer than two rows, but for an empty one, is refused: it has no variance.
struct BatchNormForward {
  static constexpr const char* name = "batch_norm_forward";
  BatchNormProblem problem{};
  ConstActivations src{}, addend{};
  ConstTensor scale{}, shift{};
  Activations dst{};
  Tensor mean{}, inverse_deviation{}, running_mean{}, running_variance{};
  Epilogue epilogue{};  ///< without bias

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const ActivationsExtent extent = op.problem.extent();
    const RowsExtent channels = op.problem.channels();
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, extent);
    visit(OperandInfo{Role::in, "addend", NumberType::element, true}, op.addend, extent);
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst, extent);
    visit(OperandInfo{Role::in, "scale", NumberType::precise}, op.scale, channels);
    visit(OperandInfo{Role::in, "shift", NumberType::precise}, op.shift, channels);
    visit(OperandInfo{Role::out, "mean", NumberType::precise}, op.mean, channels);
    visit(OperandInfo{Role::out, "inverse_deviation", NumberType::precise}, op.inverse_deviation, channels);
    visit(OperandInfo{Role::inout, "running_mean", NumberType::precise}, op.running_mean, channels);
    visit(OperandInfo{Role::inout, "running_variance", NumberType::precise}, op.running_variance, channels);
    Epilogue::state_operand(op.epilogue, visit);
  }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return (addend.data ? " + addend" : "") + epilogue.text(); }
};

/// Of dst before the epilogue, where the gradient of an addend is diff_dst itself:
///   diff_shift = sum diff_dst;  diff_scale = sum diff_dst x,  x = (src - mean) inverse_deviation
///   diff_src = scale inverse_deviation (diff_dst - (diff_shift + x diff_scale) / (N L))
struct BatchNormBackward {
  static constexpr const char* name = "batch_norm_backward";
  BatchNormProblem problem{};
  ConstActivations src{}, diff_dst{};
  ConstTensor scale{}, mean{}, inverse_deviation{};
  Activations diff_src{};
  Tensor diff_scale{}, diff_shift{};
  ReluGradient relu{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const ActivationsExtent extent = op.problem.extent();
    const RowsExtent channels = op.problem.channels();
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, extent);
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst, extent);
    visit(OperandInfo{Role::out, "diff_src", NumberType::element, true}, op.diff_src, extent);
    visit(OperandInfo{Role::in, "scale", NumberType::precise}, op.scale, channels);
    visit(OperandInfo{Role::in, "mean", NumberType::precise}, op.mean, channels);
    visit(OperandInfo{Role::in, "inverse_deviation", NumberType::precise}, op.inverse_deviation, channels);
    visit(OperandInfo{Role::out, "diff_scale", NumberType::precise}, op.diff_scale, channels);
    visit(OperandInfo{Role::out, "diff_shift", NumberType::precise}, op.diff_shift, channels);
    ReluGradient::operands(op.relu, visit, extent);
  }
  void check_more(const Check& check) const { relu.check(check); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return (diff_src.data ? "" : ", of parameters alone") + relu.text(); }
};

/// Inference: dst = epilogue((src - running_mean) / sqrt(running_variance + epsilon) * scale + shift + addend).
struct BatchNormInference {
  static constexpr const char* name = "batch_norm_inference";
  BatchNormProblem problem{};
  ConstActivations src{}, addend{};
  ConstTensor scale{}, shift{}, running_mean{}, running_variance{};
  Activations dst{};
  Epilogue epilogue{};  ///< without bias

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const ActivationsExtent extent = op.problem.extent();
    const RowsExtent channels = op.problem.channels();
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, extent);
    visit(OperandInfo{Role::in, "addend", NumberType::element, true}, op.addend, extent);
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst, extent);
    visit(OperandInfo{Role::in, "scale", NumberType::precise}, op.scale, channels);
    visit(OperandInfo{Role::in, "shift", NumberType::precise}, op.shift, channels);
    visit(OperandInfo{Role::in, "running_mean", NumberType::precise}, op.running_mean, channels);
    visit(OperandInfo{Role::in, "running_variance", NumberType::precise}, op.running_variance, channels);
    Epilogue::state_operand(op.epilogue, visit);
  }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return (addend.data ? " + addend" : "") + epilogue.text(); }
};

/// A product of C outputs, K weights each, and the normalisation behind it.
struct BatchNormFoldProblem {
  std::int64_t C = 0, K = 0;
  double epsilon = 1e-5;
  void validate() const;
  std::string text() const;

  RowsExtent weights() const { return {C, K}; }
  RowsExtent channels() const { return {1, C}; }
};

/// In inference the product with these weights and this bias does both:
///   folded_weights = weights f, folded_bias = (bias - running_mean) f + shift,
///   f = scale / sqrt(running_variance + epsilon), of every output its own
/// It costs no more than reading the weights once, so a plan runs it each time and follows weights that change.
struct BatchNormFold {
  static constexpr const char* name = "batch_norm_fold";
  BatchNormFoldProblem problem{};
  ConstTensor weights{}, bias{}, scale{}, shift{}, running_mean{}, running_variance{};
  Tensor folded_weights{}, folded_bias{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const RowsExtent weights = op.problem.weights(), channels = op.problem.channels();
    visit(OperandInfo{Role::in, "weights", NumberType::precise}, op.weights, weights);
    visit(OperandInfo{Role::in, "bias", NumberType::precise, true}, op.bias, channels);
    visit(OperandInfo{Role::in, "scale", NumberType::precise}, op.scale, channels);
    visit(OperandInfo{Role::in, "shift", NumberType::precise}, op.shift, channels);
    visit(OperandInfo{Role::in, "running_mean", NumberType::precise}, op.running_mean, channels);
    visit(OperandInfo{Role::in, "running_variance", NumberType::precise}, op.running_variance, channels);
    visit(OperandInfo{Role::out, "folded_weights", NumberType::element}, op.folded_weights, weights);
    visit(OperandInfo{Role::out, "folded_bias", NumberType::precise}, op.folded_bias, channels);
  }
  bool is_empty() const { return false; }
};

}  // namespace bragg
