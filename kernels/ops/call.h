// What follows from an op's declaration: the check of a call, its text, the bytes that it moves.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/ops/op.h"
#include "kernels/ops/op_list.h"

namespace bragg {

/// Whether only some backends have it.
template <IsOp O>
constexpr bool is_fusion() {
  if constexpr (requires { O::is_fusion; }) return O::is_fusion;
  return false;
}

/// Throws ProblemError.
template <IsOp O>
void check_call(const O& op, NumberTypes types, std::int64_t row_alignment) {
  if constexpr (requires { op.problem.validate(); }) op.problem.validate();
  if constexpr (requires { op.validate_more(); }) op.validate_more();
  const Check check(O::name, types, row_alignment);
  O::operands(op, check);
  if constexpr (requires { op.check_more(check); }) op.check_more(check);
}

/// "conv1d_forward N 2 L_in 9 C_in 2 C_out 3 kernel 4 stride 2 + bias, relu": enough to run it again.
template <IsOp O>
std::string text(const O& op) {
  std::string text = O::name;
  if constexpr (requires { op.problem.text(); }) text.append(1, ' ').append(op.problem.text());
  if constexpr (requires { op.details(); }) text += op.details();
  return text;
}

/// Bytes that the op reads and writes at least: every operand that has memory once, twice where it is both.
/// Gaps between items do not count, nor structs (the state, the totals).
class LeastBytes {
 public:
  void operator()(const OperandInfo& info, const ConstTensor& t, const RowsExtent& extent) {
    add(info, t.data, t.dtype, extent.rows * extent.length);
  }
  void operator()(const OperandInfo& info, const ConstActivations& a, const ActivationsExtent& extent) {
    add(info, a.data, a.dtype, extent.N * extent.L * extent.C);
  }
  double bytes() const { return bytes_; }

 private:
  void add(const OperandInfo& info, const void* data, DType type, std::int64_t count) {
    if (data == nullptr || info.type == NumberType::state || info.type == NumberType::totals) return;
    bytes_ += (info.role == Role::inout ? 2.0 : 1.0) * static_cast<double>(count) *
              static_cast<double>(size_of(type));
  }
  double bytes_ = 0;
};
template <IsOp O>
double least_bytes(const O& op) {
  LeastBytes sum;
  O::operands(op, sum);
  return sum.bytes();
}

/// Calls fill(Tensor, RowsExtent) for every result in rows.
template <typename Fill>
struct ZeroRows {
  Fill fill;

  template <typename View, typename Extent>
  void operator()(const OperandInfo& info, const View& view, const Extent& extent) const {
    if constexpr (std::is_same_v<View, Tensor> && std::is_same_v<Extent, RowsExtent>)
      if (info.role == Role::out && view.data != nullptr) fill(view, extent);
  }
};
template <typename Fill>
ZeroRows(Fill) -> ZeroRows<Fill>;

}  // namespace bragg
