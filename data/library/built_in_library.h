// The library that the program carries inside its one file.
#pragma once

#include <memory>

#include "data/library/library.h"

namespace bragg::data {

/// models/library.bragg, as it was when the program was built; opened when first asked for. nullptr where
/// bragg was built without it (-DBRAGG_LIBRARY=OFF).
std::shared_ptr<const Library> built_in_library();

}  // namespace bragg::data
