// Which share of a measured pattern's lines a structure's lines account for: what tells one phase from several, and a
// known one from an unknown, without a refinement.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "data/patterns/bragg_lines.h"

namespace bragg::data {

/// A line of a structure.
struct CalculatedLine {
  double two_theta;  ///< degrees, where it would lie in the measured pattern
  double intensity;  ///< in any unit
  std::array<int, 3> hkl{};
};

/// Measured and calculated lines this near (degrees; or half the measured line's width, if that is more) are the same.
inline constexpr double same_line_distance = 0.15;
/// Texture makes a line up to this many times as strong as it is calculated.
inline constexpr double strongest_texture = 5;

/// For each measured line the part of its height that the calculated lines account for, 0..1: min(1, strongest_texture s I
/// / height) with I the sum of the calculated lines near it and s the ratio of all heights to all intensities where both
/// are. Measured lines must ascend; calculated ones need no order.
std::vector<double> explained_parts(std::span<const BraggLine> measured,
                                    std::span<const CalculatedLine> calculated);

/// The share of all heights: 0 where nothing is measured.
double explained_share(std::span<const BraggLine> measured, std::span<const double> parts);

}  // namespace bragg::data
