// The page that `bragg identify --report` writes.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "apps/identify/identification.h"

namespace bragg::apps::report {

/// A self-contained HTML page with the patterns in the order given, `asked` being all there were: of each the
/// verdict, the pattern with the lines of its first most_stick_sets candidates, one of which is chosen, what
/// speaks for each, the other candidates in a table, space groups and crystal systems. A small script, which
/// holds nothing of the answers, zooms; without it the page is whole. Texts from files are escaped, and cut
/// where they are longer than anybody reads: 65 KB for a pattern of 8,500 points with six candidates of 60
/// lines, 350 KB at most.
std::string identification_page(std::span<const Identification> shown, std::int64_t asked);

}  // namespace bragg::apps::report
