// bragg evaluate --mixtures: which phases of measured mixtures are named.
#pragma once

#include <string>
#include <vector>

#include "apps/commands/evaluate_lookup.h"

namespace bragg::apps {

struct MixtureOptions {
  std::string mixtures;  ///< a table, or a folder with labels.tsv
  bool elements_given = false;
  LookupOptions common;  ///< its libraries, wavelength, files to write
};

int evaluate_mixtures(const MixtureOptions&, const CommonOptions&);

}  // namespace bragg::apps
