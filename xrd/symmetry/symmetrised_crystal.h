// A crystal anew, from the symmetry found in it.
#pragma once

#include <optional>

#include "xrd/symmetry/structure_symmetry.h"

namespace bragg::xrd {

/// `crystal` with the group, cell and unique sites of `symmetry`, everything else as it is. Empty where the
/// operations are no space group of the tables.
std::optional<Crystal> symmetrised_crystal(const Crystal& crystal, const StructureSymmetry& symmetry);

}  // namespace bragg::xrd
