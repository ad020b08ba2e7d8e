// Patterns of crystals, by parameters from wherever.
#pragma once

#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/reflection_problem.h"
#include "kernels/ops/op.h"

namespace bragg {

/// crystals i32 (N): rows of the set; impurities i32 (N): the same, needed where the problem has any;
/// parameters: PatternParameters (N), u8, sampled or such as validate() accepts.
/// -> dst (N, problem.points(), 1).
/// Parameters that cannot be read (fault_of) are refused by name; a GPU's kernel makes a pattern of NaN.
struct RenderPatterns {
  static constexpr const char* name = "render_patterns";
  PatternProblem problem{};
  const ReflectionSet* set = nullptr;
  ConstTensor crystals{}, impurities{}, parameters{};
  Activations dst{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const std::int64_t N = op.problem.N;
    visit(OperandInfo{Role::out, "dst", NumberType::element}, op.dst,
          ActivationsExtent{N, op.problem.points(), 1});
    visit(OperandInfo{Role::in, "crystals", NumberType::i32}, op.crystals, RowsExtent{1, N});
    if (op.problem.impurities)
      visit(OperandInfo{Role::in, "impurities", NumberType::i32}, op.impurities, RowsExtent{1, N});
    visit(OperandInfo{Role::in, "parameters", NumberType::u8}, op.parameters, RowsExtent{1, N});
  }
  void check_more(const Check& check) const { check.present("set", set); }
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
