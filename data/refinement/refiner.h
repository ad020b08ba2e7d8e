// Candidates of a measured pattern, refined against the whole of it: what tells structures apart that look alike, and what a
// person believes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/refinement/model_run.h"
#include "data/refinement/refinement_pattern.h"
#include "kernels/backend.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// A structure to refine, and by which its edges fit the pattern best as far as is known.
struct RefinementStart {
  xrd::Crystal crystal;
  double scale = 1;
};

/// Curves of a candidate on a grid, in the units of the measured intensities; empty where they were not asked for.
struct RefinedCurves {
  TwoThetaGrid grid;
  std::vector<float> calculated, background;  ///< calculated: with the background
};

/// A structure refined. The figures of one that was dropped are those of the last level it had.
struct RefinedCandidate {
  bool is_dropped = false;
  RefinedFigures figures{};
  double background_chi_squared = 0;  ///< of the background alone, on the same points
  /// Rwp: sqrt(sum w (y - f)^2 / sum w y^2) of the measured intensities with what lies under the lines, w = 1 / y.
  double residual = 0;
  ModelParameters parameters;  ///< of one phase
  xrd::UnitCell cell;
  /// Each edge over that of the structure, less 1.
  std::array<double, 3> cell_change{};
  RefinedCurves curves{};

  /// chi^2 over that of the background alone.
  double misfit() const {
    return background_chi_squared > 0 ? double{figures.chi_squared} / background_chi_squared : 1;
  }
  double zero() const { return double{parameters.zero}; }                  ///< degrees
  double displacement() const { return double{parameters.displacement}; }  ///< degrees, times cos theta
};

/// Refines candidates level by level (refinement_levels.h). `lines_from`, `lines_to`: degrees, what is looked at; `with_curves`: also
/// what a page draws.
std::vector<RefinedCandidate> refine_candidates(Backend&, const PatternToRefine&,
                                                std::span<const RefinementStart>, double lines_from,
                                                double lines_to, bool with_curves = false);

}  // namespace bragg::data
