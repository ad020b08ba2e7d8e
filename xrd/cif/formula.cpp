#include "xrd/cif/formula.h"

#include <cmath>

namespace bragg::xrd {

bool fits_formula(std::span<const Site> sites, const std::array<double, 99>& formula) {
  constexpr double tolerance = 0.02, tolerance_atoms = 0.05;
  const Composition counts = composition_of(sites);
  double product = 0, square = 0;
  for (std::size_t z = 1; z < counts.size(); ++z) {
    product += counts[z] * formula[z];
    square += formula[z] * formula[z];
  }
  const double units = square > 0 ? product / square : 0;  // formula units in the cell, least squares
  for (std::size_t z = 1; z < counts.size(); ++z) {
    const double wanted = units * formula[z];
    if (std::abs(counts[z] - wanted) > tolerance * wanted + tolerance_atoms) return false;
  }
  return true;
}

}  // namespace bragg::xrd
