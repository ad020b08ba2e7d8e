// Formulas as people write them in tables: "CaCO3", "La(OH)3", "NaAlO2-1.5H2O", "Bi2O3-alpha".
#pragma once

#include <string_view>

#include "xrd/crystal.h"

namespace bragg::xrd {

/// Atoms per formula unit. A dash, a point or an asterisk before a number or a capital joins parts, "CaSO4-2H2O", and ends the
/// formula before a small letter: the name of a form. A point between digits is a number's, "Fe0.95O", but before whole water a
/// part's, "CuSO4.5H2O". Throws UsageError naming the formula and what is wrong.
Composition composition_of_formula(std::string_view formula);

}  // namespace bragg::xrd
