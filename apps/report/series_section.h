// A series of patterns at a glance: all of them above one another, and how the phases' cells change from scan to scan.
#pragma once

#include <span>
#include <string>

#include "apps/identify/identification.h"

namespace bragg::apps::report {

/// HTML; empty for fewer than two patterns that were answered. Patterns without values are left out of the stack, those without
/// a phase out of the cells.
std::string series_section(std::span<const Identification>);

}  // namespace bragg::apps::report
