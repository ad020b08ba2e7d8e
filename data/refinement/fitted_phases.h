// What a refined model says of its phases: cells, weight fractions and their uncertainties.
#pragma once

#include <cstdint>
#include <span>

#include "data/refinement/counted_fit.h"
#include "data/refinement/phase_fit.h"

namespace bragg::data {

/// A model as it was refined.
struct RefinedMixture {
  const RefinedStructures& structures;
  std::span<const xrd::Crystal> crystals;  ///< of the structures
  std::span<const std::int32_t> structure_of_phase;
  const CountedFit& fit;
  double height;  ///< intensity of 1
  const RefinedPattern& pattern;
};

/// All figures of a fit whose points are counted, but for the axes' indices. Weight fractions as Hill and Howard, 1987, J. Appl. Cryst. 20, 467:
/// W_p = S_p (Z M V)_p / sum, Z M the mass of the cell, V its volume, S Rietveld's scale.
void put_figures(const RefinedMixture&, PhaseFit&);

}  // namespace bragg::data
