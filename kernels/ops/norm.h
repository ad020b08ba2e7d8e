// The Euclidean norm of many numbers: what gradients are clipped by.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/op.h"

namespace bragg {

struct NormProblem {
  std::int64_t count = 0;
  void validate() const;
  std::string text() const;
};

/// values (count) of the precise type -> norm, one double: the root of the sum of squares, added up in double in
/// a fixed order: the count decides it, and on a GPU the alignment. NaN where a value is, infinite where one is.
struct Norm {
  static constexpr const char* name = "norm";
  NormProblem problem{};
  ConstTensor values{};
  Tensor norm{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "values", NumberType::precise}, op.values, RowsExtent{1, op.problem.count});
    visit(OperandInfo{Role::out, "norm", NumberType::f64}, op.norm, RowsExtent{1, 1});
  }
  bool is_empty() const { return problem.count == 0; }
};

}  // namespace bragg
