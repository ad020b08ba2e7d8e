// A measured pattern as op refine reads it: on even steps, without its smooth background, smoothed or not, and how much its points
// weigh.
#pragma once

#include <vector>

#include "data/patterns/resample.h"
#include "kernels/ops/refine.h"

namespace bragg::data {

/// A pattern on degrees of 2 theta at its own wavelength, A: of a K-alpha doublet the mean.
struct PatternToRefine {
  const MeasuredPattern* measured = nullptr;  ///< on 2 theta
  double wavelength = copper_k_alpha;
  /// Positions that were brought to angles from q or d have no doublet, whatever the wavelength they were brought to.
  bool may_have_doublet = true;
};

/// The radiation of op refine: the doublet of an anode where `wavelength` is its mean, else one line.
void set_radiation(RefinedPattern&, double wavelength, bool may_have_doublet = true);

/// What does not depend on the step: made once for a pattern.
class RefinementPattern {
 public:
  /// From `first` to `last`, degrees, as far as it was measured. Throws PatternRefused where fewer than minimum_points lie there.
  RefinementPattern(const PatternToRefine&, double first, double last);

  struct OnGrid {
    RefinedPattern pattern{};
    std::vector<float> y, weight;
    std::vector<float> background;  ///< that was subtracted
  };
  /// On steps of `step` degrees, not finer than it was measured; smoothed by a Gaussian of FWHM `blur`, degrees. The highest
  /// point above the background is about 1. weight = 1 / (s^2 + (misfit max(y, 0))^2), s the counting noise, or 0 where
  /// nothing was measured.
  OnGrid on_grid(double step, double blur, double misfit) const;

  double first() const { return first_; }
  double last() const { return last_; }
  double step() const { return step_; }      ///< median of the measurement
  double height() const { return height_; }  ///< intensity that is 1 on the grid
  double wavelength() const { return wavelength_; }

 private:
  double background_at(double two_theta) const;

  std::vector<double> x_, y_;       ///< less the background, over height_
  std::vector<double> background_;  ///< the same, on steps of background_step from first_ on
  double first_ = 0, last_ = 0, step_ = 0, noise_ = 0, height_ = 1, wavelength_ = 0;
  bool may_have_doublet_ = true;
};

}  // namespace bragg::data
