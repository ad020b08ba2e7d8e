// The parameters of patterns, by chance.
#pragma once

#include "kernels/crystal/pattern_sampling.h"
#include "kernels/ops/op.h"

namespace bragg {

/// state: StepState, pattern i has index state.first_index + i. -> dst: PatternParameters (N), u8. The problem
/// outlives the op.
struct SamplePatterns {
  static constexpr const char* name = "sample_patterns";
  const PatternSampling& problem;
  ConstTensor state{};
  Tensor dst{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "state", NumberType::state}, op.state, RowsExtent{1, 2});
    visit(OperandInfo{Role::out, "dst", NumberType::u8}, op.dst, RowsExtent{1, op.problem.N});
  }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
