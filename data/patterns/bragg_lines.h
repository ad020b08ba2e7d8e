// Whether a measured pattern holds Bragg lines at all: counting noise, glass, liquids, organic matter and
// dead or saturated detectors have none, and no answer can be read from them.
//
// A line is what rises above a smooth background on both sides, in more than one channel, out of the noise,
// and is narrower than widest_line. The filter: the mean of c neighbouring channels minus the background
// there, which is the parabola through the means of c channels on either side at 1 to 2 and 2 to 3 times c
// (so that humps, whose curvature is all that a parabola needs, leave next to nothing), for c from the
// narrowest line to well above the widest. A line's own width is where it stands out most; a hump's lies
// beyond the limit. (Scale selection: Lindeberg, Int. J. Comput. Vis. 30 (1998) 79.)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/patterns/resample.h"

namespace bragg::data {

/// Degrees of 2 theta at the wavelength of Cu K-alpha, full width at half maximum. Broader features are
/// humps: by Scherrer's formula 1.2 degrees are crystallites of 7 nm, and those of glass and of 2-line
/// ferrihydrite are 4 to 10 degrees wide.
inline constexpr double widest_line = 1.2;
/// Lines up to this width of their filter are beyond doubt where there are two; of broader ones more are
/// needed, for a glass packed in a small sphere has ripples.
inline constexpr double sharp_line = 0.5;

struct BraggLine {
  double two_theta;       ///< degrees
  double height;          ///< above the background, in the pattern's units
  double width;           ///< degrees: of the filter that it stood out of most
  double significance;    ///< height over the filter's noise
  std::int64_t channels;  ///< of the filter
};

struct BraggLines {
  std::vector<BraggLine> lines;     ///< by position
  double share = 0;                 ///< of the intensity above the pattern's lowest level, in the lines
  double noise = 0;                 ///< median standard deviation of a point, in the pattern's units
  double first = 0;                 ///< degrees, where the measurement begins
  std::int64_t sharp = 0;           ///< lines not wider than sharp_width
  double sharp_width = sharp_line;  ///< degrees
};

/// Of points on an axis of 2 theta (degrees), ascending; holes wider than coarsest_step divide it. Points
/// before the first and after the last that is not 0 count as not measured.
/// Lines up to the width `sharp`, degrees, are counted as sharp.
BraggLines bragg_lines(std::span<const double> two_theta, std::span<const double> intensity,
                       double sharp = sharp_line);

/// Empty where there is enough to read an answer from; else the reason with the figures.
std::string nothing_there(const BraggLines&);

/// Throws PatternRefused with nothing_there() of the pattern, as far as it lies on the grid. Arguments as
/// prepare_pattern() takes them.
void require_bragg_lines(const MeasuredPattern&, double measured_wavelength, const Instrument&);

}  // namespace bragg::data
