// The radiation of a scan from numbers that have fields of their own in a file, not from text (header_radiation.h).
#pragma once

#include <optional>
#include <string>

#include "data/formats/header_radiation.h"

namespace bragg::data {

struct StatedRadiation {
  std::optional<double> alpha1, alpha2;  ///< A; 0 as good as not stated
  std::optional<double> ratio;           ///< intensity of K alpha 2 over K alpha 1; 0: it was removed
  std::string anode;                     ///< "Cu", "copper"; empty: not named
  bool alpha2_removed = false;           ///< by a monochromator
};

/// Numbers first, else the K lines of the anode. A wavelength outside 0.1..3 A or a K alpha 2 that is no neighbour of
/// K alpha 1 is the result's `fault`; an anode that contradicts the wavelength, or is none, a warning.
Radiation radiation_of(const StatedRadiation&);
/// "Cu" for "Cu", "copper", "CU"; the name as it is where no anode is known by it.
std::string anode_symbol(const std::string& name);

}  // namespace bragg::data
