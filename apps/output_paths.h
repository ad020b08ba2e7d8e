// The files that a command writes, held against each other and against what it reads, before any work.
#pragma once

#include <string>
#include <vector>

namespace bragg::apps {

struct NamedPath {
  std::string flag, path;  ///< "-o", "--json", "PATTERNS"; an empty path: not given
};

/// Throws UsageError naming both flags and the path where two outputs are one file, or an output is one of
/// the inputs, however their names are spelled: through ".", links or hard links.
void check_outputs(const std::vector<NamedPath>& outputs, const std::vector<NamedPath>& inputs);

}  // namespace bragg::apps
