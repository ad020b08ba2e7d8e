// A measured pattern as the search compares it: several views, in which strong and weak lines, sharp and broad ones
// weigh differently, on a grid of the search's own.
//
// The grid is 2 theta of copper's K-alpha. A pattern of another wavelength is brought there through d, its intensities
// times the ratio of Lorentz and polarisation factors, so that one index of structures serves all radiations; what
// is left is the difference of anomalous dispersion, which intensities of unknown texture hide.
//
// Views after the prototype's figures (454 measured patterns of RRUFF): with r the pattern less its background
// (background_percentile of the points within half a window, then their mean) and n = 1.48 median |r|,
//   view = max(r smoothed by a Gaussian of `smoothing` bins - 2 n / sqrt(2 sqrt(pi) smoothing), 0)^power,
// of length 1 / sqrt(views). The drawn structure has the same power and the view's widths.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "data/patterns/resample.h"
#include "kernels/crystal/instrument.h"

namespace bragg::data {

struct SearchView {
  double smoothing;            ///< standard deviation, bins
  double power;                ///< of intensities
  double fwhm_low, fwhm_high;  ///< of a drawn line, degrees, at the grid's ends
};
inline constexpr std::array<SearchView, 3> search_views{{
    {2, 0.5, 0.25, 0.30},
    {1, 0.35, 0.25, 0.40},
    {5, 0.5, 0.45, 0.55},
}};

/// Bins of 0.05 degrees from 5 to 90.
inline constexpr TwoThetaGrid search_grid{5.025, 0.05, 1700};
inline constexpr double search_wavelength = copper_k_alpha;  ///< A

/// Where, degrees at `wavelength`, lies what is at that angle of the search's grid; 180 where the wavelength does not reach it.
double angle_of(double two_theta, double wavelength);

struct PatternViews {
  std::vector<float> values;                ///< (views, bins); zeros where nothing was measured
  std::int64_t first_bin = 0, end_bin = 0;  ///< of the grid that was measured
};

/// Throws PatternRefused where fewer than minimum_points bins of the grid were measured, or nothing rises above the noise.
/// `wavelength` in A; means nothing for q and d. `explained`: what other phases account for at each point of the
/// pattern, above its background; views are then of what is left, with the noise of that, and explained_misfit of what is explained
/// near a point is doubted.
PatternViews views_of(const MeasuredPattern&, double wavelength, std::span<const double> explained = {});
inline constexpr double explained_misfit = 0.06;

/// Views at another size of the cell: what stood at d stands at d / scale, interpolated; of length 1 / sqrt(views) again.
/// A structure drawn as it is then fits a sample whose cell is `scale` times as long.
class CellScale {
 public:
  explicit CellScale(double scale);

  double scale() const { return scale_; }
  std::vector<float> of(const PatternViews&) const;

 private:
  struct Source {
    std::int32_t bin = -1;  ///< -1: beyond the grid
    float part = 0;         ///< of the bin behind it
  };
  double scale_;
  std::vector<Source> source_;  ///< (bins)
};

}  // namespace bragg::data
