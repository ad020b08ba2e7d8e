// What forward ops do to a result before they store it, and what backward ops undo.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/op.h"

namespace bragg {

/// Inverted dropout after ReLU: kept elements are scaled by 1 / (1 - p). The counter layout is random.h's.
struct Dropout {
  float p = 0;  ///< 0: no dropout
  std::uint32_t seed = 0;
  std::uint32_t layer = 0;  ///< which dropout of the network, second counter word
  ConstTensor state{};      ///< StepState on the device; needed where p > 0
};

/// What a forward op does to an accumulator before it stores it: + bias, then ReLU, then dropout.
struct Epilogue {
  ConstTensor bias{};  ///< (C_out); none: no bias
  bool relu = false;
  Dropout dropout{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit, std::int64_t C) {
    visit(OperandInfo{Role::in, "bias", NumberType::precise, true}, op.bias, RowsExtent{1, C});
    state_operand(op, visit);
  }
  /// Of an op that takes no bias.
  template <typename Self, typename Visitor>
  static void state_operand(Self& op, Visitor&& visit) {
    if (op.dropout.p > 0)
      visit(OperandInfo{Role::in, "dropout's state", NumberType::state}, op.dropout.state, RowsExtent{1, 2});
  }
  /// `rows` of `C` features are what the op stores.
  void check(const Check&, std::int64_t rows, std::int64_t C) const;
  std::string text() const;  ///< " + bias, relu, dropout 0.3"
};

/// What a backward_data op does to a gradient before it stores it: the derivative of the ReLU and dropout
/// that made the op's src. src > 0 says both "positive" and "kept", so diff_src *= (src > 0 ? 1 / (1 - p) :
/// 0).
struct ReluGradient {
  ConstActivations src{};  ///< the op's src, shaped like diff_src; none: diff_src is stored as it is
  float p = 0;             ///< dropout's p at that place

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit, const ActivationsExtent& of_src) {
    visit(OperandInfo{Role::in, "ReLU gradient's src", NumberType::element, true}, op.src, of_src);
  }
  void check(const Check&) const;
  std::string text() const;  ///< ", relu and dropout of its input", or nothing
};

/// The same where src is not kept, but one bit for each of its elements, whether it is > 0: words u32 (N, L,
/// kept_words(C)), channel c in bit c % 32 of word c / 32, zeros beyond C.
struct KeptBits {
  ConstTensor words{};
  float p = 0;
};
constexpr std::int64_t kept_words(std::int64_t C) {
  return (C + 31) / 32;
}

}  // namespace bragg
