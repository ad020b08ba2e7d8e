// What is searched: known structures, and what the search has to know of each. Where they come from is the
// library's business, which ships with the program; here they are numbered 0, 1, ... as the source hands them
// out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "data/library/joined_library.h"
#include "data/library/structure_kind.h"

namespace bragg::data {

struct SearchLibrary {
  CrystalSource crystals;
  std::vector<StructureKind> kind{};  ///< (crystals.size)
  /// (crystals.size) Equal numbers: the same name and space group, of which few are kept. Empty: all differ.
  std::vector<std::int32_t> name{};
  /// Says what crystals these are: equal only where all of them are. Empty: it is computed, which reads all.
  std::string content_hash{};
};

/// 16 hexadecimal digits of cells, symmetries, sites and displacements of all crystals in their order; not of
/// names.
std::string content_hash_of(const CrystalSource&);

/// All structures of libraries; measured ones are known by title and space group, calculated ones all differ.
SearchLibrary search_library_of(const JoinedLibrary&);

/// Throws UsageError where kind or name are not one for each crystal.
void validate(const SearchLibrary&);

}  // namespace bragg::data
