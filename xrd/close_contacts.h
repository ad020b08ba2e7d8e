// Whether an atom touches others of a cell, fast: for programs that place atoms by trying. site_symmetry.h
// has the contacts of a crystal with their distances.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "xrd/unit_cell.h"

namespace bragg::xrd {

/// Atoms of a cell, fractional coordinates and radii (A), component by component.
struct Spheres {
  std::span<const float> x, y, z, radius;
};

class CloseContacts {
 public:
  /// For radii whose sums are at most `reach`, A.
  CloseContacts(const UnitCell&, double reach);

  /// Whether a sphere of this radius touches its own images under the lattice translations of the cell.
  bool lattice_touches(float radius) const { return shortest_squared_ < 4 * radius * radius; }
  /// Whether the sphere at (x, y, z), or an image of it, touches one of the others.
  bool touches(float x, float y, float z, float radius, const Spheres& others) const;

 private:
  /// Of a fractional vector, A^2.
  float squared(float x, float y, float z) const {
    return x * (metric_[0] * x + metric_[5] * y + metric_[4] * z) + y * (metric_[1] * y + metric_[3] * z) +
           metric_[2] * z * z;
  }

  std::array<float, 6> metric_;               ///< as UnitCell::metric(), the products doubled
  std::vector<std::array<float, 3>> shifts_;  ///< lattice vectors, zero first
  float shortest_squared_;                    ///< of the others
};

}  // namespace bragg::xrd
