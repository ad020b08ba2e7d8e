// The page that `bragg evaluate --suite --report` writes.
#pragma once

#include <string>

#include "apps/suite/suite_result.h"

namespace bragg::apps::report {

/// A self-contained HTML page (no script, no other file).
std::string suite_page(const SuiteResult&);

}  // namespace bragg::apps::report
