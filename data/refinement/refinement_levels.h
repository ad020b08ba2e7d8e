// How candidates are refined to tell them apart: coarse and smoothed first, so that a cell some percent off still finds its
// lines, then finer; what fits badly by then is dropped. The expectations (deviations) keep a structure from becoming
// another one.
#pragma once

#include <array>
#include <cstdint>

#include "data/refinement/model_run.h"

namespace bragg::data {

struct RefinementLevel {
  double step, blur;  ///< degrees; blur: FWHM of the Gaussian that the pattern is smoothed by
  std::int64_t iterations;
  std::int64_t lines;   ///< of a phase, the strongest
  std::int64_t models;  ///< that go on from the level before, at most
  bool doublet;         ///< K-alpha1 and K-alpha2 apart
  std::array<RefinedRule, refined_kinds> rule;
};

/// Share of its height that a point may be off for want of a better model.
inline constexpr double model_misfit = 0.07;
/// Of the data against the expectations: points of a line are not as many witnesses as they are.
inline constexpr double data_against_prior = 0.3;

inline constexpr std::int64_t refinement_terms =
    5;  ///< Chebyshev polynomials of what is left of the background

std::array<RefinementLevel, 3> candidate_levels();

/// What op refine is told of a level.
ModelRules rules_of(const RefinementLevel&);
/// A pattern's radiation at a level: its doublet, or where that is not told apart one line at its mean.
RefinedPattern seen_at(const RefinementLevel&, RefinedPattern);

/// Where the refinement of a phase begins; lines `narrower` than 1 time a laboratory's.
std::array<float, phase_parameters> first_of_phase(double narrower = 1);

}  // namespace bragg::data
