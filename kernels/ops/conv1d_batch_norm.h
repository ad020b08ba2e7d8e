// Convolutions and the batch normalisations beside them in one op, for backends that have it (Backend::has): the sums of a
// normalisation are taken where the convolution's results are stored, so that nobody reads them for that; and what a
// normalisation and the ReLU behind it make need not be stored, where the convolutions that read it make it as they load.
#pragma once

#include <string>

#include "kernels/ops/add.h"
#include "kernels/ops/batch_norm.h"
#include "kernels/ops/conv1d.h"

namespace bragg {

/// max(0, factor x + offset) of every channel (C), as it would be stored, in the place of an operand x: what batch
/// normalisation with a ReLU makes of its own src, factor = inverse_deviation scale and offset = shift - mean factor, in fp32. Rows
/// of padding stay 0. None: the operand is read as it is.
struct NormalisedSource {
  ConstTensor factor{}, offset{};
  std::int64_t zeros_before = 0,
               zeros_after = 0;  ///< rows of an item that are padding, where it counts as a part of src

  explicit operator bool() const { return factor.data != nullptr; }
  template <typename Self, typename Visitor>
  static void operands(Self& source, Visitor&& visit, std::int64_t C,
                       const char* factor_name = "src's factor", const char* offset_name = "src's offset") {
    visit(OperandInfo{Role::in, factor_name, NumberType::precise, true}, source.factor, RowsExtent{1, C});
    visit(OperandInfo{Role::in, offset_name, NumberType::precise, true}, source.offset, RowsExtent{1, C});
  }
  void check(const Check&) const;
  NormalisedSource over_padding(const Conv1dProblem& p) const {
    return {factor, offset, zeros_before + p.pad_before, zeros_after + p.pad_after};
  }
};

/// conv1d_forward into `between`, which the gradient reads, and then batch_norm_forward from there: src (N, L_in, C_in), weights
/// (C_out, kernel, C_in) -> between and dst (N, L_out, C_out). The moments are those of `between` as it is stored. A backend may
/// add up squares in fp32 and take the mean's from them: 1 / inverse_deviation^2 is then off by 2^-15 (variance + mean^2) at most.
/// Without a dst readers make it again, by `factor` and `offset` (NormalisedSource).
struct Conv1dBatchNormForward {
  static constexpr const char* name = "conv1d_batch_norm_forward";
  static constexpr bool is_fusion = true;
  Conv1dProblem problem{};
  BatchNormProblem norm{};
  ConstActivations src{}, addend{};
  ConstTensor weights{}, bias{}, scale{}, shift{};
  Activations between{}, dst{};
  Tensor mean{}, inverse_deviation{}, running_mean{}, running_variance{};
  Epilogue epilogue{};  ///< of the normalisation: without bias
  Tensor factor{}, offset{};
  NormalisedSource normalised_src{}, normalised_addend{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const ActivationsExtent results = op.problem.dst_extent();
    const RowsExtent channels{1, op.problem.C_out};
    visit(OperandInfo{Role::in, "src", NumberType::element}, op.src, op.problem.haloed_src_extent());
    visit(OperandInfo{Role::in, "addend", NumberType::element, true}, op.addend, results);
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    visit(OperandInfo{Role::in, "bias", NumberType::precise, true}, op.bias, channels);
    visit(OperandInfo{Role::in, "scale", NumberType::precise}, op.scale, channels);
    visit(OperandInfo{Role::in, "shift", NumberType::precise}, op.shift, channels);
    visit(OperandInfo{Role::out, "between", NumberType::element}, op.between, results);
    visit(OperandInfo{Role::out, "dst", NumberType::element, true}, op.dst, results);
    visit(OperandInfo{Role::out, "mean", NumberType::precise}, op.mean, channels);
    visit(OperandInfo{Role::out, "inverse_deviation", NumberType::precise}, op.inverse_deviation, channels);
    visit(OperandInfo{Role::inout, "running_mean", NumberType::precise}, op.running_mean, channels);
    visit(OperandInfo{Role::inout, "running_variance", NumberType::precise}, op.running_variance, channels);
    visit(OperandInfo{Role::out, "factor", NumberType::precise, true}, op.factor, channels);
    visit(OperandInfo{Role::out, "offset", NumberType::precise, true}, op.offset, channels);
    NormalisedSource::operands(op.normalised_src, visit, op.problem.C_in);
    NormalisedSource::operands(op.normalised_addend, visit, op.problem.C_out, "addend's factor",
                               "addend's offset");
    Epilogue::state_operand(op.epilogue, visit);
  }
  void validate_more() const { norm.validate(); }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
  std::string details() const;
  /// What backends are handed: without padding.
  Conv1dBatchNormForward unpadded() const;

  // The two ops that it is.
  Conv1dForward convolution() const { return {problem, src, weights, between, {bias, false, {}}}; }
  BatchNormForward normalisation() const {
    return {norm,         between,          addend,  scale, shift, dst, mean, inverse_deviation,
            running_mean, running_variance, epilogue};
  }
};

/// conv1d_backward_data into `between`, the gradient of a normalisation's dst, and then batch_norm_backward from there: diff_dst (N,
/// L_out, C_out) with its halo, weights (C_out, kernel, C_in), and the normalisation's src -> between and diff_src (N, L_in, C_in).
/// Where that dst has other readers, `addend` is the gradient that they have, and `between` what add_backward makes of both, the
/// convolution's rounded as it would store it. Sums are those of `between` as it is stored. A backend may add up its products with
/// src and take the mean's from them in fp32: diff_scale is then off by 2^-15 inverse_deviation sqrt(sum between^2 sum src^2) at
/// most. With `factor` and `offset` (NormalisedSource) the ReLU is that of the normalisation's dst, which nobody stored.
struct Conv1dBatchNormBackward {
  static constexpr const char* name = "conv1d_batch_norm_backward";
  static constexpr bool is_fusion = true;
  Conv1dProblem problem{};
  BatchNormProblem norm{};
  ConstActivations diff_dst{}, norm_src{}, addend{};
  ConstTensor weights{}, scale{}, mean{}, inverse_deviation{};
  Activations between{}, diff_src{};
  Tensor diff_scale{}, diff_shift{};
  ReluGradient relu{};  ///< of `between`
  ConstTensor factor{}, offset{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const ActivationsExtent results = op.problem.src_extent();
    const RowsExtent channels{1, op.problem.C_in};
    visit(OperandInfo{Role::in, "diff_dst", NumberType::element}, op.diff_dst,
          op.problem.haloed_dst_extent());
    visit(OperandInfo{Role::in, "norm_src", NumberType::element}, op.norm_src, results);
    visit(OperandInfo{Role::in, "addend", NumberType::element, true}, op.addend, results);
    visit(OperandInfo{Role::in, "weights", NumberType::element}, op.weights, op.problem.weights_extent());
    visit(OperandInfo{Role::in, "scale", NumberType::precise}, op.scale, channels);
    visit(OperandInfo{Role::in, "mean", NumberType::precise}, op.mean, channels);
    visit(OperandInfo{Role::in, "inverse_deviation", NumberType::precise}, op.inverse_deviation, channels);
    visit(OperandInfo{Role::out, "between", NumberType::element}, op.between, results);
    visit(OperandInfo{Role::out, "diff_src", NumberType::element}, op.diff_src, results);
    visit(OperandInfo{Role::out, "diff_scale", NumberType::precise}, op.diff_scale, channels);
    visit(OperandInfo{Role::out, "diff_shift", NumberType::precise}, op.diff_shift, channels);
    visit(OperandInfo{Role::in, "factor", NumberType::precise, true}, op.factor, channels);
    visit(OperandInfo{Role::in, "offset", NumberType::precise, true}, op.offset, channels);
    ReluGradient::operands(op.relu, visit, results);
  }
  void validate_more() const { norm.validate(); }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
  std::string details() const;

  // The ops that it is, of which the addition may be missing.
  Conv1dBackwardData gradient() const {
    return {problem, diff_dst, weights, between, addend.data ? ReluGradient{} : relu};
  }
  AddBackward addition() const {
    return {{problem.N, problem.L_in, problem.C_in}, between, addend, between, relu};
  }
  BatchNormBackward normalisation() const {
    return {norm, norm_src, between, scale, mean, inverse_deviation, diff_src, diff_scale, diff_shift, {}};
  }
};

/// conv1d_backward_weights of the src that a normalisation makes of this one.
struct Conv1dNormalisedBackwardWeights {
  static constexpr const char* name = "conv1d_normalised_backward_weights";
  static constexpr bool is_fusion = true;
  Conv1dProblem problem{};
  ConstActivations src{}, diff_dst{};
  Tensor diff_weights{}, diff_bias{};
  NormalisedSource normalised_src{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    Conv1dBackwardWeights::operands(op, visit);
    NormalisedSource::operands(op.normalised_src, visit, op.problem.C_in);
  }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return ", src normalised"; }
  /// What backends are handed: without padding.
  Conv1dNormalisedBackwardWeights unpadded() const {
    return {problem.over_padding(),
            over_padding(problem, src),
            diff_dst,
            diff_weights,
            diff_bias,
            normalised_src.over_padding(problem)};
  }
};

}  // namespace bragg
