// How phases that a user names are refined: coarse and smoothed first, so that a cell some percent off still finds its lines, then
// as it was counted. By then nothing is expected of what the pattern determines.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/ops/refine.h"

namespace bragg::data {

/// Lengths are for copper's K alpha; lines of a shorter wavelength lie closer.
struct PhaseFitLevel {
  double step, blur;  ///< degrees; blur: FWHM of the Gaussian that the pattern is smoothed by
  std::int64_t iterations, lines;
  bool doublet;  ///< K-alpha1 and K-alpha2 apart
  std::array<RefinedRule, refined_kinds> rule;
};

/// On the pattern less its smooth background, weighed by what a model may miss. The first two also tell which structure of a
/// name fits.
inline constexpr std::size_t choosing_levels = 2;
std::array<PhaseFitLevel, 3> coarse_fit_levels(bool with_texture);
/// Share of its height that a point may be off, and the weight of data against expectations, on these.
inline constexpr double coarse_misfit = 0.07, coarse_data_weight = 0.3;
inline constexpr std::int64_t coarse_terms = 5;

/// On the pattern as it was counted. `step`, degrees: of the measurement. Positions of atoms stay; the wide expectations of
/// zero, displacement, widths and the overall B count where a pattern does not tell them: in a short range zero, displacement and
/// the cell shift lines alike.
std::array<RefinedRule, refined_kinds> counted_fit_rules(double step, bool with_texture);
inline constexpr std::int64_t counted_iterations = 60;
inline constexpr double counted_convergence = 1e-6, counted_tail_cut = 2e-5;

}  // namespace bragg::data
