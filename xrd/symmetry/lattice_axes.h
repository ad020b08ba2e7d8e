// How near a lattice comes to one of a higher crystal system, by its two-fold axes.
#pragma once

#include "xrd/symmetry/symmetry.h"
#include "xrd/unit_cell.h"

namespace bragg::xrd {

/// Degrees: by how much a lattice row and the normal of the net across it must miss each other at least, among those
/// that are no two-fold axis of the group's own system, where `cell` (with the group's centring) is a cell of it: the
/// nearer to 0, the nearer the lattice is to one of a higher system; 0 where it is one, 90 where nothing is above it
/// (cubic). Y. Le Page, J. Appl. Cryst. 15 (1982) 255.
double obliquity_beyond(const SpaceGroupSetting&, const UnitCell& cell);

}  // namespace bragg::xrd
