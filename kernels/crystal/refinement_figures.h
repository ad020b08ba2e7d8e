// What host backends say of a refined model.
#pragma once

#include "kernels/crystal/refinement_problem.h"

namespace bragg {

/// What floats leave of the lines where there are none, over the background's coefficients: a model without lines explains nothing,
/// also not by its rounding.
inline constexpr double line_rounding = 1e-5;

/// All but the objective and the iterations. y, weight, calculated: (points); parameters: those of the model.
RefinedFigures refined_figures_of(const RefineProblem&, const RefinedPattern&, const float* y,
                                  const float* weight, const float* calculated, const double* parameters);

}  // namespace bragg
