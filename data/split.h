// Which crystals are held out: whole structures, by a hash, never by their place in a file.
#pragma once

#include <cstdint>
#include <string>

#include "xrd/crystal.h"

namespace bragg::data {

/// Composition + space group ("Al400 O600 /167"), so that structures that differ in their cell alone are on
/// one side. Charges are ignored, deuterium is hydrogen, enantiomorphic groups count as one, and the amounts
/// are thousandths of all atoms, so that the choice of cell (primitive, centred, any setting) does not matter.
///
/// Structures within 5 % of a cell volume ought to stay together, too. That relation is not transitive:
/// any cut of the volume into classes has neighbours of nearly equal volume on both sides of a border, and a
/// hash would part them. So the volume is left out: all structures of one composition and space group are on
/// one side, which keeps those within 5 % together and costs only that some different structures are, too.
std::string split_key(const xrd::Crystal&);

/// In [0, 1), from the key and the seed alone: Philox of RandomStream::split at FNV-1a of the key. Held out:
/// split_position < holdout.
double split_position(const std::string& key, std::uint32_t split_seed);

}  // namespace bragg::data
