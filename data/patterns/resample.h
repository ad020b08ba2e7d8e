// From a measured pattern, in whatever steps and with whatever radiation, to the grid that a model reads.
// `predict` and `evaluate` both go through prepare_pattern(), so that an answer and a score mean the same
// numbers. Not here: reading files (pattern_text.h, pattern_set.h).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/crystal/pattern_problem.h"

namespace bragg::data {

/// What a measured pattern is plotted against.
enum class Abscissa {
  two_theta,  ///< degrees
  q,          ///< 4 pi sin(theta) / lambda, 1/A
  d,          ///< A
};
std::string_view name_of(Abscissa);  ///< "two_theta", "q", "d"

/// Points of a measurement. `x` strictly ascending, `intensity` of the same length, both finite.
struct MeasuredPattern {
  Abscissa abscissa = Abscissa::two_theta;
  std::vector<double> x;
  std::vector<double> intensity;
};

/// A pattern that was understood but can't be used. what() is the reason, without the file's name.
class PatternRefused : public Error {
 public:
  using Error::Error;
};

/// Fewer points inside the grid's range are no pattern.
inline constexpr std::int64_t minimum_points = 50;
/// Steps wider than this, degrees, are holes: what lies between is not known and stays zero.
/// A pattern whose typical step is wider is refused: its peaks (some 0.1 degrees) fall between the points.
inline constexpr double coarsest_step = 0.25;
/// At least this share of the grid must have been measured. 0.4 of 5..90 degrees are 34 degrees: a scan from
/// 10 to 45 shows the strong lines of most crystals, a peak or two do not tell one group from another.
inline constexpr double minimum_covered_share = 0.4;

/// The pattern on degrees of 2 theta at `wavelength`, ascending; points that it can't reach are left out.
/// It is returned as it is where it already lies there.
MeasuredPattern to_two_theta(const MeasuredPattern&, double measured_wavelength, double wavelength);

/// A pattern as a model reads it, and what it took to get there.
struct PreparedPattern {
  std::vector<float> values;  ///< (grid.points), maximum 1; 0 where nothing was measured
  /// Measured range on the grid's axis, degrees of 2 theta at the instrument's wavelength.
  double first = 0, last = 0;
  double step = 0;           ///< median step there
  double covered_share = 0;  ///< share of the grid's points that lie within the measurement
};

/// `two_theta` strictly ascending. A value of the grid is, where the source is
///   finer        the mean over the grid's cell: every source point stands for the interval to half-way to
///                its neighbours, so areas are kept and nothing aliases;
///   coarser      interpolated linearly;
///   on the grid  taken as it is, which is what both of these give where the steps are equal;
///   absent       (outside the measured range, in holes) zero, with `covered` 0.
struct GridValues {
  std::vector<double> values;
  std::vector<std::uint8_t> covered;
};
GridValues resample(std::span<const double> two_theta, std::span<const double> intensity,
                    const TwoThetaGrid&);

/// Converts to 2 theta on the instrument's grid (through d where the wavelengths differ or the axis is q or d), resamples
/// and scales to maximum 1. Intensities are not touched otherwise: no background is removed.
/// `measured_wavelength` means nothing for q and d.
/// Throws PatternRefused: too few points, too coarse, too small a share of the grid, constant, none positive.
PreparedPattern prepare_pattern(const MeasuredPattern&, double measured_wavelength, const Instrument&);

}  // namespace bragg::data
