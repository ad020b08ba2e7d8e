// Positions of a crystal's sites as the library stores them: integers, on their special positions exactly.
#pragma once

#include <array>
#include <cstdint>

#include "xrd/crystal.h"

namespace bragg::data {

/// A position in units of 1/30000 of the edges, within [0, 30000).
using QuantisedPosition = std::array<std::uint16_t, 3>;

/// The nearest integers to the site's position that every operator of its site symmetry leaves where they
/// are, modulo lattice vectors; the nearest integers alone where no others within two units do so, or where
/// the site's multiplicity is not what its position has. `cell` and operators are the crystal's.
QuantisedPosition quantised_position(const xrd::UnitCell& cell, const xrd::SpaceGroupSetting& group,
                                     const xrd::Site& site);

}  // namespace bragg::data
