// A library from crystal sets: what is taken, cleaned and written.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/library/library_candidates.h"
#include "data/library/library_writer.h"

namespace bragg::data {

struct LibraryBuildInput {
  std::vector<LibraryInput> sets;
  BlockTables tables;
  std::optional<SourceRules> rules;  ///< none: every source is taken as it is
  BlockFilter without;
};

struct LibraryBuildReport {
  std::int64_t experimental = 0, dft = 0;
  std::vector<LeftOut> left_out;  ///< first by selection in the order of the sets, then by cleaning
};

/// Adds to `library` what library_candidates() takes and clean() keeps. Throws Error as the sets and the
/// writer do.
LibraryBuildReport build_library(const LibraryBuildInput&, Backend&, LibraryWriter& library);

}  // namespace bragg::data
