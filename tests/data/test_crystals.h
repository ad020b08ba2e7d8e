// Crystals that the tests share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "xrd/crystal.h"

namespace bragg::tests {

/// Rock salt, as a block of CIF with `a` as its cell edge.
std::string rock_salt_cif(const std::string& block, double a = 5.6402);
/// Caesium chloride, whose group is P m -3 m, as a block of CIF that declares `group`.
std::string caesium_chloride_cif(const std::string& block, const std::string& group);
/// Rock salt, quartz with ions and anisotropic displacements, caesium chloride with half the caesium: three
/// systems of symmetry, all that a site may carry.
std::vector<xrd::Crystal> three_crystals();

}  // namespace bragg::tests
