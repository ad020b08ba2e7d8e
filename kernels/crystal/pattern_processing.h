// What is done to a pattern before a network reads it: one function for simulated and measured patterns.
#pragma once

#include <span>
#include <vector>

#include "kernels/crystal/pattern_problem.h"

namespace bragg {

/// `y` on the grid -> what the network reads, on processing.read_grid(grid): shorter where there is a step.
/// Maximum 1 afterwards; a pattern without a positive number becomes all zeros.
///
/// First the means of the points of each step, if there is one. Then the background: points are averaged to
/// bins (Processing::Opening; the last one may be short); the minimum over half_window bins to either side,
/// then the maximum, then the mean of them (fewer at the ends); between the bins' centres linear, beyond the
/// outer ones constant. It is subtracted and what is negative then is set to 0. An opening: it passes below
/// every line that is narrower than the window. Then y / max(y), and the square root.
void process_pattern(const Processing&, const TwoThetaGrid&, std::vector<float>& y);
void process_pattern(const Processing&, const TwoThetaGrid&, std::vector<double>& y);
/// Its parts alone, for a backend that scales by itself. The means, at the beginning of y.
void average_points(const Processing&, const TwoThetaGrid&, std::span<float> y);
/// y on the grid that is read.
void subtract_background(const Processing&, const TwoThetaGrid& read, std::span<float> y);

}  // namespace bragg
