// Whether a crystal has more symmetry than the group it was built from. Its lattice must be of the group's
// Bravais type and no more; then every operator that it can have is one of the lattice's rotations with a
// translation that moves one atom onto another, and these are tried.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "xrd/symmetry/symmetry.h"

namespace bragg::xrd {

/// One atom of a cell, fractional, within [0, 1).
struct CellPoint {
  float x, y, z;
  int kind;  ///< atoms of equal kind are alike; 0..kinds-1
};

class ExtraSymmetry {
 public:
  /// Of a group in its standard setting (reference_setting).
  explicit ExtraSymmetry(const SpaceGroupSetting& standard);

  /// Whether the lattice of such a cell comes within `tolerance` (of the edges' lengths, and radians) of one
  /// of higher symmetry: b near a in an orthorhombic cell, c near a sqrt(2) in a body-centred tetragonal one.
  bool lattice_is_special(const UnitCell&, double tolerance) const;

  /// Whether an operator that is none of the group maps the atoms of a cell (all of them, each point of the
  /// centring too) onto atoms of the same kind, within about `tolerance`, A. The lattice must not be special.
  bool found(const UnitCell&, std::span<const CellPoint> atoms, int kinds, double tolerance) const;

 private:
  std::array<std::array<double, 3>, 3> primitive_;     ///< columns: a basis of the lattice, in the cell's
  std::size_t holohedry_ = 0;                          ///< rotations of the lattice
  std::vector<std::array<std::int8_t, 9>> rotations_;  ///< one of each coset of the group's in the lattice's
  std::vector<std::array<std::int8_t, 3>> centring_;   ///< in 1/translation_denominator
};

}  // namespace bragg::xrd
