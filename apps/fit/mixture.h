// A pattern refined as the phases that a user names: a value, which text, JSON, CIFs and a page print.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/assumed.h"
#include "apps/fit/phase_structures.h"
#include "data/refinement/phase_fit.h"

namespace bragg::apps {

struct MixturePhase {
  std::string given;         ///< as the user named it
  PhaseStructure structure;  ///< before it was refined
  std::size_t tried = 1;     ///< structures of that name
  data::FittedPhase fitted;

  /// With the refined cell.
  xrd::Crystal refined_crystal() const;
};

struct Mixture {
  std::string file;
  std::int64_t index = 0;  ///< in a pattern set; of the scan in a file of several, from 0
  Assumed assumed{};
  std::vector<std::string> warnings{};
  std::optional<std::string> refused{};  ///< nothing below is filled

  data::FitRadiation radiation{};
  data::PhaseFit fit{};  ///< its phases are those of `phases`
  std::vector<MixturePhase> phases{};
  std::vector<std::string> assumes{};  ///< sentences: what the figures rest on
};

/// "4.7593(3)": the value with its uncertainty in units of its last digit; without one, six significant digits.
std::string with_uncertainty(double value, double uncertainty);
std::string with_uncertainty(const data::FittedFigure&, double factor = 1);

}  // namespace bragg::apps
