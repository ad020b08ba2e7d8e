// What a block says of its composition against its sites.
#pragma once

#include <array>
#include <span>

#include "xrd/crystal.h"

namespace bragg::xrd {

/// Whether the sites of a cell have the composition of a formula (atoms by atomic number), in any number of
/// formula units, within 2 % of each count and 0.05 atoms.
bool fits_formula(std::span<const Site> sites, const std::array<double, 99>& formula);

}  // namespace bragg::xrd
