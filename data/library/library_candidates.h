// What could go into a library: the crystals of sets with what tables and sources' rules say of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/crystals/block_filter.h"
#include "data/crystals/crystal_set.h"
#include "data/held_out_keys.h"
#include "data/library/library.h"
#include "data/library/library_sources.h"
#include "data/library/structure_lines.h"
#include "kernels/backend.h"
#include "xrd/crystal.h"

namespace bragg::data {

/// A set, and whose its crystals are that no table names.
struct LibraryInput {
  const CrystalSet* set = nullptr;
  std::string source;
};

struct LibraryCandidate {
  xrd::Crystal crystal;
  LibraryEntry entry;
  SourceTier tier = SourceTier::published;
  StructureKey key;
  int symmetry = 1;  ///< order of the point group
  bool has_hydrogen = false, has_displacements = false;
  StructureLines lines;
};

/// A structure that is not in the library, why, and the entry that is there in its place, if any.
struct LeftOut {
  std::string block, reason, in_favour_of;
};

/// A name as a person writes it: blanks for underscores and between words, no "<missing>", capitals only
/// where they begin it ("PLAGIOCLASE_ANORTHITE" is "Plagioclase anorthite", "TridymiteLow" is "Tridymite
/// low"). Empty without two letters.
std::string tidy_name(std::string_view name);

/// In the order of the sets. Left out are blocks that `without` does not take, sources that no rule takes,
/// DFT structures that are not known, and crystals without a line. Without rules (nullptr) every source is
/// taken as it is.
std::vector<LibraryCandidate> library_candidates(const std::vector<LibraryInput>&, const BlockTables&,
                                                 const SourceRules*, const BlockFilter& without, Backend&,
                                                 std::vector<LeftOut>& left_out);

}  // namespace bragg::data
