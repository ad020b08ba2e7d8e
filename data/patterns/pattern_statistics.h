// What patterns look like, in a few numbers each: measured and simulated ones can be compared by their
// distributions, without training anything.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/crystal/pattern_problem.h"

namespace bragg::data {

/// Of one pattern with maximum 1.
struct PatternStatistics {
  double noise;  ///< standard deviation from point to point, robust: of the second differences, which lines
                 ///< much wider than the step do not reach
  double fwhm;   ///< degrees, of the highest line; 0 where it does not fall to its half on both sides
  double background;  ///< mean of what subtract_background takes away, window 4 degrees
  double lines;       ///< maxima above the background that stand out of the noise: by 5 noise and by 1 %
  double second;      ///< height of the second highest of them relative to the highest
  double median;      ///< median of their heights
  double covered;     ///< share of the grid from the first to the last point that is not 0
  double doublet;  ///< lines beyond 60 degrees: height where their K-alpha2 would be, less the height as far
                   ///< on the other side, relative to theirs, on average; NaN for fewer than two such lines
};
inline constexpr std::array<std::string_view, 8> statistic_names{"noise",  "fwhm",   "background", "lines",
                                                                 "second", "median", "covered",    "doublet"};
std::array<double, 8> values(const PatternStatistics&);

/// Of a pattern on the instrument's grid; needs at least 5 points.
PatternStatistics pattern_statistics(const Instrument&, std::span<const float> pattern);

/// Of sorted values, share in [0, 1], linear between them; 0 of none.
double percentile(std::span<const double> sorted, double share);

}  // namespace bragg::data
