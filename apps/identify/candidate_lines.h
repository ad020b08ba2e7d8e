// The lines of candidates where they would lie in a measured pattern, and what of it they account for.
#pragma once

#include <span>
#include <vector>

#include "apps/evaluation/measured_item.h"
#include "apps/identify/identification.h"
#include "data/patterns/bragg_lines.h"
#include "data/search/explained_lines.h"
#include "kernels/backend.h"
#include "xrd/crystal.h"

namespace bragg::apps {

/// A pattern on 2 theta of its own radiation, or of copper where it lies on q or d.
struct OnTwoTheta {
  data::MeasuredPattern pattern;
  double wavelength;  ///< A
  bool are_angles;    ///< as it was measured
};
OnTwoTheta on_two_theta(const MeasuredItem&);

/// What a line's 2 theta is off by, degrees: zero + displacement cos theta.
struct LineShift {
  double zero = 0, displacement = 0;
};

/// The lines of a structure with this cell within what was measured, those of at least 1 % of the strongest there.
std::vector<data::CalculatedLine> lines_of(Backend&, xrd::Crystal, const xrd::UnitCell& cell,
                                           const LineShift&, const OnTwoTheta&);

/// The share of what `parts` leave of the lines that another phase accounts for, the most of any.
double remainder_of(std::span<const data::BraggLine> measured, const std::vector<double>& parts,
                    const Candidate& best, std::span<const Candidate> others);

}  // namespace bragg::apps
