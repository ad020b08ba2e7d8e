// The libraries that a command is to look into.
#pragma once

#include <string>
#include <vector>

#include "data/library/joined_library.h"

namespace bragg::apps {

/// The built-in library, where it is wanted and this program has it, and those of the files. Throws Error naming a file that can't
/// be read.
data::JoinedLibrary open_libraries(const std::vector<std::string>& files, bool built_in);

/// The same to be searched. Throws UsageError where there is none.
data::JoinedLibrary libraries_to_search(const std::vector<std::string>& files, bool built_in);

}  // namespace bragg::apps
