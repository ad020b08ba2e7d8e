// The lines of a structure as the search keeps them: where on its grid, and how strong.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/crystal/reflection_problem.h"
#include "kernels/ops/draw_views.h"

namespace bragg::data {

/// Of PackedLine::place on the search's grid: 0.05 degrees are 32.
inline constexpr std::int64_t line_steps_per_bin = 32;
/// Lines nearer than this, degrees, become one at their mean, weighted by intensity.
inline constexpr double lines_merge_within = 0.01;
/// Of the strongest line; weaker ones are left out.
inline constexpr double weakest_line = 5e-4;

/// sin(theta) / lambda of the search's grid, with a margin at its upper end; displacements as the crystals have them.
ReflectionProblem search_reflections();

/// Appends the lines of a crystal with these reflections, ascending, areas multiplicity LP |F|^2 (PatternProblem, at
/// the search's wavelength) over that of the strongest. `f2` is one for each of `miller`.
void append_lines(const ReciprocalMetric&, std::span<const Miller>, std::span<const float> f2,
                  std::vector<PackedLine>& dst);

}  // namespace bragg::data
