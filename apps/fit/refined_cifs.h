// CIFs of refined phases.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/fit/mixture.h"

namespace bragg::apps {

struct RefinedCif {
  std::string name, text;  ///< of the file, without its folder
};

/// "corundum.cif": by what the user named, without folder and ending, in small letters and digits; of the second pattern of a
/// file (index 1) "corundum-2.cif". Equal ones are numbered.
std::vector<std::string> cif_names(std::span<const std::string> given, std::int64_t index);

/// Appends those of a mixture that was not refused and whose phases are there.
void add_refined_cifs(const Mixture&, std::vector<RefinedCif>&);

/// Makes the folder, with those above it, and writes the files. Nothing where there are none.
void write_refined_cifs(const std::string& folder, std::span<const RefinedCif>);

}  // namespace bragg::apps
