// The Wyckoff positions of a space group, derived from its operators. Nothing is typed in, so that the
// letters of International Tables are not known here.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "xrd/symmetry/symmetry.h"

namespace bragg::xrd {

/// Denominator of AffineMap::offset.
inline constexpr int wyckoff_denominator = 576;

/// Free coordinates -> position: offset + sum over i < dimension of t_i direction_i. Exact.
struct AffineMap {
  int dimension = 0;                              ///< 0: a point, 1: a line, 2: a plane, 3: all space
  std::array<int, 3> offset{};                    ///< in 1/translation_denominator, within [0, 1)
  std::array<std::array<int, 3>, 3> direction{};  ///< a basis of the lattice vectors along the set

  Fractional operator()(const std::array<double, 3>& t) const;
  bool operator==(const AffineMap&) const = default;
};

/// All points whose site-symmetry groups are conjugate: those of one point, line, plane or of space, and
/// their images under the group.
struct WyckoffPosition {
  int multiplicity = 0;  ///< distinct points in the cell
  AffineMap map;         ///< one of the equivalent sets; a generic t gives the position's site symmetry
};

/// All Wyckoff positions by multiplicity, the general position last. `operators`: a whole group, centring
/// included.
std::vector<WyckoffPosition> wyckoff_positions(std::span<const SymmetryOperator> operators);

/// The distinct images of a position under the group, itself first: for any t the multiplicity's points of
/// one orbit.
std::vector<AffineMap> orbit(const WyckoffPosition&, std::span<const SymmetryOperator> operators);

}  // namespace bragg::xrd
