// Models for the tests of op refine: structures of every symmetry as forms, the patterns and parameters that go with them, and the
// op's run on a backend.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/ops/refine.h"
#include "tests/kernels/view_ops.h"

namespace bragg::tests {

/// Which lines of a structure there are, by 1/d^2 in 1/A^2.
struct LineRange {
  double q_low = 0, q_high = 0.3;
};

/// Cells of some 5 to 9 A, one for each number of strains. All numbers of the forms are exact in floats.
RefinedStructure structure_with(int strains);
/// The same with March's texture: along [111] of the cubic one, four images, along c of the hexagonal one, one, and two of others.
RefinedStructure structure_with_axis(int strains);

/// The operands of one call, put together one after the other; what the problem counts is counted along.
struct RefineInput {
  RefineProblem problem{};
  std::vector<float> y, weight, prior, parameters;
  std::vector<RefinedPattern> pattern;
  std::vector<RefinedStructure> structure;
  std::vector<RefinedLine> line;
  std::vector<std::int32_t> model_pattern, phase_offset{0}, phase_structure;

  /// y is 0 and weight 1 in [first, end), both garbage outside.
  void add_pattern(RefinedPattern);
  /// Its lines have areas between 0.1 and 1 that are functions of the seed, and ranks by them.
  void add_structure(int strains, LineRange range, std::uint32_t seed);
  void add_structure(const RefinedStructure&, LineRange range, std::uint32_t seed);
  const RefinedStructure& structure_of(std::int64_t model, std::int64_t phase) const;
  /// A model of these structures; its parameters are those of plain_phase() and a background of 0.
  void add_model(std::int32_t pattern, const std::vector<std::int32_t>& structures);
  /// That model again, with its pattern, parameters and priors.
  void add_copy_of(std::int64_t model);

  /// Where the parameters of a model begin, or those of one of its phases.
  std::int64_t parameters_at(std::int64_t model) const;
  std::int64_t phase_at(std::int64_t model, std::int64_t phase = 0) const;
  std::int64_t parameters_of(std::int64_t model) const;
  std::int64_t phases_of(std::int64_t model) const;
  float& shared(std::int64_t model, std::int64_t which);
  float& own(std::int64_t model, std::int64_t phase, int which);
  RefinedKind kind_of(std::int64_t model, std::int64_t parameter) const;

  void free_all();
  void free_only(const std::vector<RefinedKind>&);
};

/// Parameters of a phase with its strains and textures zero: scale 1, FWHM 0.25 degrees, half of it Lorentzian.
std::vector<float> plain_phase();

struct RefineResult {
  std::vector<float> parameters, calculated;
  std::vector<RefinedFigures> figures;
  std::vector<double> curvature;
};
/// `change`: of the call before it runs.
RefineResult run(Backend&, const RefineInput&, const std::function<void(Refine&)>& change = {});

RefinedPattern copper(std::int32_t first, std::int32_t end, double start, double step, bool is_doublet);
/// Models of all symmetries and of none, on windows of all kinds; the last lines lie beyond the wavelength's reach.
RefineInput mixed_models(std::int64_t terms);
/// y: what a model draws, up and down by a tenth; a pattern is that of the last model that lies on it.
void measure_patterns(Backend& reference, RefineInput&);

/// A model's row of `calculated`, as doubles.
std::vector<double> calculated_of(const RefineInput&, const RefineResult&, std::int64_t model);
/// A model's curvature without the rows and columns behind its parameters.
std::vector<double> curvature_of(const RefineInput&, const RefineResult&, std::int64_t model);
std::string name_of(RefinedKind);

}  // namespace bragg::tests
