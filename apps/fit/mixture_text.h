// A refined mixture as text.
#pragma once

#include <string>
#include <vector>

#include "apps/fit/mixture.h"

namespace bragg::apps {

/// "a 4.7593(3), c 12.992(1) A": edges that differ, and angles that are not right.
std::string cell_text(const MixturePhase&);
/// "r 0.612(4) along (0 0 1)"
std::string march_text(const data::FittedMarch&);
/// "corundum, Al2 O3, R-3c: AMCSD 0000098"
std::string phase_title(const MixturePhase&);
/// Rwp, chi^2, zero, displacement: name and value each.
std::vector<std::pair<std::string, std::string>> fit_figures(const Mixture&);

std::string to_text(const Mixture&);

}  // namespace bragg::apps
