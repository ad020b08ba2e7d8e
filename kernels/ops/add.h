// Two values added element by element, where branches of a network meet; or one alone, for a ReLU and dropout
// that no other op stores through.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/epilogue.h"
#include "kernels/ops/op.h"

namespace bragg {

/// All of it (N, L, C).
struct AddProblem {
  std::int64_t N = 0, L = 0, C = 0;
  void validate() const;
  std::string text() const;

  ActivationsExtent extent() const { return {N, L, C}; }
};

/// dst = epilogue(a + b), or of a alone.
struct AddForward {
  static constexpr const char* name = "add_forward";
  AddProblem problem{};
  ConstActivations a{}, b{};
  Activations dst{};
  Epilogue epilogue{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "a", NumberType::element}, op.a, op.problem.extent());
    visit(OperandInfo{Role::in, "b", NumberType::element, true}, op.b, op.problem.extent());
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst, op.problem.extent());
    Epilogue::operands(op.epilogue, visit, op.problem.C);
  }
  void check_more(const Check& check) const { epilogue.check(check, problem.N * problem.L, problem.C); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return (b.data ? "" : ", one alone") + epilogue.text(); }
};

/// The gradient of a value that has two readers: diff_src = (diff_a + diff_b) through the ReLU and dropout
/// that made it; or diff_a alone.
struct AddBackward {
  static constexpr const char* name = "add_backward";
  AddProblem problem{};
  ConstActivations diff_a{}, diff_b{};
  Activations diff_src{};
  ReluGradient relu{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "diff_a", NumberType::element}, op.diff_a, op.problem.extent());
    visit(OperandInfo{Role::in, "diff_b", NumberType::element, true}, op.diff_b, op.problem.extent());
    visit(OperandInfo{Role::out, "diff_src", NumberType::element}, op.diff_src, op.problem.extent());
    ReluGradient::operands(op.relu, visit, op.problem.extent());
  }
  void check_more(const Check& check) const { relu.check(check); }
  bool is_empty() const { return problem.N == 0; }
  std::string details() const { return (diff_b.data ? "" : ", one alone") + relu.text(); }
};

}  // namespace bragg
