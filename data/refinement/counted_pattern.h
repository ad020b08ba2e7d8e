// A measured pattern as it was counted, on even steps: with its background, and with what its points weigh by the statistics of
// counting.
#pragma once

#include <cstdint>
#include <span>

#include "data/refinement/refinement_pattern.h"

namespace bragg::data {

/// Whence the variance of an intensity is known.
enum class VarianceFrom {
  uncertainties,  ///< the file states them
  counts,         ///< whole numbers that scatter as counts do: max(y, 1)
  scatter,        ///< other intensities: proportional to y, by as much as neighbours differ
};

struct CountedPattern {
  RefinementPattern::OnGrid grid;  ///< intensities over `height`
  VarianceFrom from = VarianceFrom::counts;
  double variance_per_intensity = 1;  ///< of `scatter`
  std::int64_t points = 0;            ///< that weigh something
  double height = 1;
};

/// From `first` to `last`, degrees, on steps of the measurement. `uncertainty`: of each intensity of the pattern, or none.
/// A step that is narrower or wider than the grid's weighs as many or as few points of the grid.
/// Throws PatternRefused where the steps are too fine for a grid of most_grid_points.
CountedPattern counted_pattern(const PatternToRefine&, std::span<const double> uncertainty, double first,
                               double last, double height);
inline constexpr std::int64_t most_grid_points = std::int64_t{1} << 19;

}  // namespace bragg::data
