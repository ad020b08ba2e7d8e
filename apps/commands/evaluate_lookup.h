// bragg evaluate --lookup: what a search among known structures gets right, alone and beside a model.
#pragma once

#include <string>
#include <vector>

#include "apps/command.h"

namespace bragg::apps {

struct LookupOptions {
  std::string model;  ///< empty: the built-in one
  std::string patterns, wavelength, json, figures, precision = "fp32";
  std::vector<std::string> libraries;
  bool no_built_in = false, no_model = false, no_cache = false;
};

int evaluate_lookup(const LookupOptions&, const CommonOptions&);

}  // namespace bragg::apps
