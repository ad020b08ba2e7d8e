// Patterns of crystals.
#pragma once

#include <string>

#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/reflection_problem.h"
#include "kernels/ops/op.h"

namespace bragg {

/// crystals i32 (N): rows of the set; impurities i32 (N): the same, needed where the problem draws any;
/// state: StepState, pattern i has index state.first_index + i. -> dst (N, points, 1)
struct RenderPatterns {
  static constexpr const char* name = "render_patterns";
  const PatternProblem& problem;
  const ReflectionSet* set = nullptr;
  ConstTensor crystals{}, impurities{}, state{};
  Activations dst{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "state", NumberType::bytes}, op.state, RowsExtent{1, 2});
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst,
          ActivationsExtent{op.problem.N, op.problem.grid.points, 1});
    visit(OperandInfo{Role::in, "crystals", NumberType::i32, op.problem.N == 0}, op.crystals,
          RowsExtent{1, op.problem.N});
    if (op.problem.N > 0 && op.problem.draws_impurities())
      visit(OperandInfo{Role::in, "impurities", NumberType::i32}, op.impurities, RowsExtent{1, op.problem.N});
  }
  void check_more(const Check& check) const { check.present("set", set); }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
