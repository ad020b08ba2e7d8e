// Whole-pattern refinement of many models at once: structures whose positions of atoms stay, in a cell that moves,
// by Levenberg and Marquardt's method, analytic derivatives. What is minimised: RefineProblem.
#pragma once

#include "kernels/crystal/refinement_problem.h"
#include "kernels/ops/op.h"

namespace bragg {

/// y, weight (w >= 0) f32 (patterns, points); pattern: RefinedPattern (patterns), structure: RefinedStructure (structures), line:
/// RefinedLine (lines, ascending in 1/d^2 within a structure), as u8; model_pattern i32 (models); phase_offset i32
/// (models + 1): model m has phases [phase_offset[m], phase_offset[m + 1]); phase_structure i32 (phases);
/// prior f32 (parameters), by model: 2 + terms shared ones, then phase_parameters for each phase
/// -> parameters f32 (parameters), from those that are given; figures f32 (models, refined_figures);
///    calculated f32 (models, points): f, 0 where nothing was measured;
///    curvature f64 (models, parameters_per_model, parameters_per_model): half the second derivatives of Q, of rows and columns that
///    are free, of others 0.
struct Refine {
  static constexpr const char* name = "refine";
  RefineProblem problem{};
  ConstTensor y{}, weight{}, pattern{}, structure{}, line{};
  ConstTensor model_pattern{}, phase_offset{}, phase_structure{}, prior{};
  Tensor parameters{}, figures{}, calculated{}, curvature{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const RefineProblem& p = op.problem;
    const auto bytes = [](std::int64_t count, std::size_t each) {
      return RowsExtent{1, count * static_cast<std::int64_t>(each)};
    };
    const std::int64_t per_model = p.parameters_per_model();
    visit(OperandInfo{Role::in, "y", NumberType::any}, op.y, RowsExtent{1, p.patterns * p.points});
    visit(OperandInfo{Role::in, "weight", NumberType::any}, op.weight, RowsExtent{1, p.patterns * p.points});
    visit(OperandInfo{Role::in, "pattern", NumberType::u8}, op.pattern,
          bytes(p.patterns, sizeof(RefinedPattern)));
    visit(OperandInfo{Role::in, "structure", NumberType::u8, p.structures == 0}, op.structure,
          bytes(p.structures, sizeof(RefinedStructure)));
    visit(OperandInfo{Role::in, "line", NumberType::u8, p.lines == 0}, op.line,
          bytes(p.lines, sizeof(RefinedLine)));
    visit(OperandInfo{Role::in, "model_pattern", NumberType::i32}, op.model_pattern, RowsExtent{1, p.models});
    visit(OperandInfo{Role::in, "phase_offset", NumberType::i32}, op.phase_offset,
          RowsExtent{1, p.models + 1});
    visit(OperandInfo{Role::in, "phase_structure", NumberType::i32, p.phases == 0}, op.phase_structure,
          RowsExtent{1, p.phases});
    visit(OperandInfo{Role::in, "prior", NumberType::any}, op.prior, RowsExtent{1, p.parameters()});
    visit(OperandInfo{Role::inout, "parameters", NumberType::any}, op.parameters,
          RowsExtent{1, p.parameters()});
    visit(OperandInfo{Role::out, "figures", NumberType::any}, op.figures,
          RowsExtent{1, p.models * refined_figures});
    visit(OperandInfo{Role::out, "calculated", NumberType::any, true}, op.calculated,
          RowsExtent{1, p.models * p.points});
    visit(OperandInfo{Role::out, "curvature", NumberType::f64, true}, op.curvature,
          RowsExtent{1, p.models * per_model * per_model});
  }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.models == 0; }
};

/// Throws ProblemError where an index of the op, which lies on the host, leads out of its memory.
void check_refine_indices(const Refine&);

}  // namespace bragg
