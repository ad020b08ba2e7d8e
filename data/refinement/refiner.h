// Candidates of a measured pattern, refined against the whole of it: what tells structures apart that look alike, and what a
// person believes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/refinement/model_run.h"
#include "data/refinement/refinement_pattern.h"
#include "kernels/backend.h"
#include "kernels/base/thread_pool.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// A structure to refine, and by which its edges fit the pattern best as far as is known.
struct RefinementStart {
  RefinementStart(xrd::Crystal, double scale);
  /// Patterns that share a crystal, and of which as much is looked at, share its lines.
  RefinementStart(std::shared_ptr<const xrd::Crystal>, double scale);

  std::shared_ptr<const xrd::Crystal> crystal;  ///< never null
  double scale;
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

/// A pattern and its candidates.
struct CandidatesToRefine {
  PatternToRefine pattern;
  std::vector<RefinementStart> starts;
  double lines_from = 0, lines_to = 0;  ///< degrees, what is looked at
};

/// What became of them, in the order of the starts; none where the pattern is refused. Without starts none is.
struct RefinedCandidates {
  std::vector<RefinedCandidate> candidates;
  std::optional<PatternRefused> refused;
};

/// Refines the candidates of each pattern level by level (refinement_levels.h), those of all patterns together: one call of op refine
/// a level. What comes out for a pattern depends neither on the others nor on the threads of the pool, which share the host's part.
/// A call takes some 2 MB a pattern of 80 candidates on the host and 1 on the device. `with_curves`: also what a page draws.
std::vector<RefinedCandidates> refine_candidates(Backend&, ThreadPool&, std::span<const CandidatesToRefine>,
                                                 bool with_curves = false);

/// The same of one pattern. Throws PatternRefused where it is refused.
std::vector<RefinedCandidate> refine_candidates(Backend&, const PatternToRefine&,
                                                std::span<const RefinementStart>, double lines_from,
                                                double lines_to, bool with_curves = false);

}  // namespace bragg::data
