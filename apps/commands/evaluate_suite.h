// bragg evaluate --suite: everything that a model and the look-up are measured by, in one run, on one page.
#pragma once

#include <string>
#include <vector>

#include "apps/commands/evaluate_lookup.h"

namespace bragg::apps {

struct SuiteOptions {
  std::vector<std::string> folders;
  std::string report;
  LookupOptions common;  ///< its model, libraries, precision, --json
};

int evaluate_suite(const SuiteOptions&, const CommonOptions&);

}  // namespace bragg::apps
