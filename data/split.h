// Which crystals are held out: whole structures, by a hash, never by their place in a file.
#pragma once

#include <cstdint>
#include <string>

#include "xrd/crystal.h"

namespace bragg::data {

/// Reduced formula + space group (modulo enantiomorphs) + cell volume in classes of 5 %. Crystals with one key are taken as one structure.
std::string split_key(const xrd::Crystal&);
/// In [0, 1), from the key and the seed alone. Held out: split_position < holdout.
double split_position(const std::string& key, std::uint32_t split_seed);

}  // namespace bragg::data
