// The strongest lines of structures, for telling whether two are one: lines do not change with the choice of
// axes, origin and hand, and what they cannot tell apart a powder pattern cannot.
#pragma once

#include <span>
#include <vector>

#include "kernels/backend.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// By ascending d.
struct StructureLines {
  std::vector<float> position;  ///< ln d, A
  std::vector<float> weight;    ///< roots of the intensities with copper's polarisation
};

/// Of every crystal, d from 1.25 to 25 A, at most 96 lines.
std::vector<StructureLines> structure_lines(Backend&, std::span<const xrd::Crystal>);

/// Widths in ln d within which lines are one: of a cell that only lacks its symmetry; axes that differ by some
/// 0.3 % beside a common scale; those of a relaxed cell.
inline constexpr double equal_lines = 0.003, same_lines = 0.006, similar_lines = 0.012;

/// Cosine of two patterns of lines drawn as Gaussians of this width, the second one's d times exp(shift).
double line_similarity(const StructureLines&, const StructureLines&, double width, double shift = 0);

}  // namespace bragg::data
