// Space groups in a primitive basis of their lattice, and the way from there to a setting of the tables.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "xrd/symmetry/integer_lattice.h"
#include "xrd/symmetry/lattice_reduction.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {

/// Operators in a primitive basis of their lattice, one for each rotation.
struct PrimitiveGroup {
  struct Element {
    IntMatrix rotation;
    IntVector translation;  ///< in 1/modulus
  };
  std::vector<Element> elements;
  std::int64_t modulus = 1;
};

/// Throws Error where the lattice is not invariant under the operators.
PrimitiveGroup to_primitive(std::span<const SymmetryOperator> operators);

/// A setting, and how its axes lie: x_primitive = basis x_setting + origin.
struct SettingPlacement {
  const TabulatedSetting* setting;
  IntMatrix basis;  ///< columns: the setting's axes in the primitive basis, right-handed
  std::array<double, 3> origin;
};

/// The group in its standard setting. `metric`: of the primitive basis, as symmetric as the group; decides
/// between axes that serve alike (the shortest, beta obtuse, a <= b <= c). Empty where no space group of the
/// tables fits.
std::optional<SettingPlacement> standard_placement(const PrimitiveGroup&, const Metric& metric);

/// The same with the axes given: in every setting of the number that has these axes, the standard one first.
std::vector<SettingPlacement> placements_on_axes(const PrimitiveGroup&, const IntMatrix& basis, int number);

}  // namespace bragg::xrd
