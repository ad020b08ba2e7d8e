// Levenberg and Marquardt's method for one model of op refine, as kernels/ops/refine.h says, for backends on the host. What the
// sums are is the evaluation's business.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/crystal/refinement_model.h"

namespace bragg {

/// Normal equations at some parameters: of the data alone, weighed by w.
struct NormalEquations {
  std::vector<double> matrix;    ///< (columns, columns): sum w df/dp df/dq; both triangles
  std::vector<double> gradient;  ///< (columns): sum w (y - f) df/dp
  double chi_squared = 0;        ///< sum w (y - f)^2
};

/// The free parameters of a model whose phases are of such structures.
std::vector<RefinedColumn> refined_columns(const RefineProblem&, std::span<const PhaseFreedom>);

struct RefinedModel {
  double objective = 0;
  std::int64_t iterations = 0;
  NormalEquations at_end;  ///< at the parameters that were found
};

/// `parameters` are those of the model, moved in place; `prior` as many. `evaluate` fills the equations at given parameters.
RefinedModel refine_model(const RefineProblem&, std::span<const RefinedColumn>, std::span<const float> prior,
                          std::span<double> parameters,
                          const std::function<void(std::span<const double>, NormalEquations&)>& evaluate);

/// Half the second derivatives of Q, (size, size), by parameter; what is not free is 0.
void put_curvature(const RefineProblem&, std::span<const RefinedColumn>, const NormalEquations&,
                   std::int64_t size, double* dst);

/// Solves matrix x = b, x in the place of b, for a symmetric positive definite matrix (n, n), of which the lower triangle is read and overwritten;
/// false where it is not one. By Cholesky's factors.
bool solve_cholesky(std::vector<double>& matrix, std::vector<double>& b);

}  // namespace bragg
