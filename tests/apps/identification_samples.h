// Identifications made by hand, for the tests of what prints them.
#pragma once

#include "apps/identify/identification.h"

namespace bragg::apps::tests {

/// Quartz in the group 154, whose list of groups names the pair by 152; a second candidate, hostile in every
/// text, of the group 62. 5 to 90 degrees by 0.05.
Identification quartz();
/// The same pattern of two phases, quartz 75 and calcite 25 % of the weight; about as well of quartz and aragonite.
Identification quartz_and_calcite();
/// The same pattern without an accepted phase.
Identification unknown_phase();
/// A file that could not be read.
Identification refused_file();

/// What no terminal, spreadsheet or page may take for its own.
inline constexpr const char* hostile_name = "=cmd|' /C calc'!A0,\"</script><b>&\x1b[2J\n\xff";

}  // namespace bragg::apps::tests
