// The whole of a measured pattern refined as a mixture of phases that are named: their cells, what share of the weight each has,
// and how sure that is.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/refinement/counted_pattern.h"
#include "kernels/backend.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// What a pattern was measured with: a line, or two of a doublet.
struct FitRadiation {
  std::array<double, 2> wavelength{copper_k_alpha,
                                   copper_k_alpha};  ///< A; the second means nothing where second_share is 0
  double second_share = 0;                           ///< over that of the first

  double mean() const { return (wavelength[0] + second_share * wavelength[1]) / (1 + second_share); }
};
/// The doublet of an anode where `wavelength`, A, is its mean, else one line.
FitRadiation fit_radiation(double wavelength);

struct PatternToFit {
  const MeasuredPattern* measured = nullptr;  ///< on 2 theta of `radiation`
  std::span<const double> uncertainty{};      ///< of each intensity; empty: none is stated
  FitRadiation radiation{};
  double first = 0, last = 180;  ///< degrees: what is looked at
};

/// A phase by the structures that it may be; the best fitting one is taken.
struct PhaseToFit {
  std::vector<xrd::Crystal> structures;
  /// The normal of these planes, not (0 0 0), in each structure's own setting: March and Dollase's texture is refined along it.
  std::optional<std::array<int, 3>> march_axis{};
};

struct PhaseFitSettings {
  std::int64_t background_terms = 12;  ///< of Chebyshev's polynomials, 1..most_refined_terms
  /// Even terms of second order (cubic: fourth) in the directions of crystallites, of phases without an axis.
  bool texture = false;
};

/// A figure and its standard uncertainty; 0: it was not refined, or lies at a bound.
struct FittedFigure {
  double value = 0, uncertainty = 0;
};

struct FittedTick {
  std::array<int, 3> hkl;
  double two_theta;  ///< degrees, where it was measured, by the first wavelength
  double intensity;  ///< of the phase's strongest 1
};

/// March and Dollase's texture: r below 1 of plates, above 1 of needles along the axis.
struct FittedMarch {
  std::array<int, 3> axis;
  FittedFigure r;
};

struct FittedPhase {
  std::size_t structure = 0;  ///< of those that it might be
  /// Nothing of it was found: its scale went to 0, and its cell is as it was.
  bool is_absent = false;
  xrd::UnitCell cell;
  std::array<double, 6> cell_uncertainty{};
  std::array<double, 3> cell_change{};  ///< each edge over that of the structure, less 1
  FittedFigure weight_fraction;         ///< by Hill and Howard, 0..1
  FittedFigure scale;                   ///< Rietveld's: intensity times degrees = scale multiplicity |F|^2 LP
  FittedFigure fwhm;                    ///< degrees, where 2 theta is fwhm_reference
  FittedFigure lorentz_share, b_overall;
  std::vector<FittedFigure> texture;  ///< of the terms that its lattice has; none where there is an axis
  std::optional<FittedMarch> march;
  std::vector<FittedTick> ticks;  ///< ascending
};

struct PhaseFit {
  std::vector<FittedPhase> phases;
  double residual = 0, expected_residual = 0;  ///< Rwp, and what noise alone would make it
  double chi_squared_per_degree = 0;           ///< by the weights of counting, as the residuals
  double misfit = 1, together = 1;  ///< CountedFit's: what variances were multiplied by for the uncertainties
  std::int64_t points = 0, parameters = 0, iterations = 0;
  bool is_converged = true;  ///< it ended before counted_iterations
  VarianceFrom variance_from = VarianceFrom::counts;
  FittedFigure zero, displacement;
  std::vector<double> background;  ///< Chebyshev's coefficients, intensities
  double start = 0, step = 0;      ///< degrees
  /// On that grid, intensities; NaN where nothing was measured.
  std::vector<float> measured, calculated, background_line;
};

/// Standard uncertainties are those of the curvature, times the root of misfit and together.
/// Throws PatternRefused for what is no pattern to refine, Error where no structure of a phase has a line in the range.
PhaseFit fit_phases(Backend&, const PatternToFit&, std::span<const PhaseToFit>, const PhaseFitSettings&);

/// Structures of one phase that are tried, at most; the first ones.
inline constexpr std::size_t most_tried_structures = 200;

}  // namespace bragg::data
