// Crystals with cells that no file gives them: each at several scales of its edges, as a recipe asks for.
#pragma once

#include "data/crystals/crystal_source.h"
#include "data/recipes/recipe.h"

namespace bragg::data {

/// Every crystal at every scale, one after the other: crystal i of the result is the i / n-th of those taken at scale
/// i % n, n = cells.values().size(), with the scale behind its name ("halite x 0.98"). CellScales::cubic_only takes the
/// cubic ones alone; without one the result is empty.
CrystalSource scaled_crystals(CrystalSource, const CellScales& cells);

}  // namespace bragg::data
