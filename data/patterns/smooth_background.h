// The smooth background under a pattern's lines: a low percentile in a moving window, then a moving mean.
#pragma once

#include <span>
#include <vector>

namespace bragg::data {

/// Degrees on either side that a background is taken from, and the share of points there that lie below it.
inline constexpr double background_reach = 1.5, background_share = 0.30;

/// Of values on even steps of `step` degrees; beyond the ends the last values go on.
std::vector<double> smooth_background(std::span<const double>, double step);

}  // namespace bragg::data
