// The radiation of a scan from numbers that have fields of their own in a file, not from text (header_radiation.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "data/formats/header_radiation.h"
#include "data/formats/scan.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {

struct StatedRadiation {
  std::optional<double> alpha1, alpha2, beta;  ///< A; 0 as good as not stated
  std::optional<double> ratio;                 ///< intensity of K alpha 2 over K alpha 1; 0: none is left
  std::string anode;                           ///< "Cu", "copper"; empty: not named
  /// The line that was used, where the file says so: alpha1 leaves no K alpha 2, alpha2 and beta stand alone.
  xrd::KLine used = xrd::KLine::unnamed;
  std::string alpha2_remover;  ///< a monochromator that lets K alpha 1 pass alone; empty: none
  std::string from;            ///< where it stands, for messages: "byte 616", "line 8"
};

/// Numbers first, else the K lines of the anode (Radiation::is_of_anode). `position_wavelength` is the mean of the pair
/// weighted by the ratio (1 to 2 where none is stated), that of K alpha 1 where no K alpha 2 is left. A wavelength outside
/// 0.1..3 A and a K alpha 2 that is no neighbour of K alpha 1 are the result's `fault`; an anode that contradicts the
/// wavelength, or is needed and unknown, and a ratio outside 0..1, which is not used, are warnings.
Radiation radiation_of(const StatedRadiation&);
/// Sets radiation, anode and ratio of the scan, with notes of what was taken from the anode's name and of lines left out.
void set_radiation(Scan&, const StatedRadiation&);

/// The line that a program names: "Ka1", "K-Alpha 2", "Kb"; unnamed where it is none.
xrd::KLine used_line(std::string_view word);
/// "Cu" for "Cu", "copper", "CU"; the name as it is where no anode is known by it.
std::string anode_symbol(const std::string& name);

}  // namespace bragg::data
