// Many CIF files into one set: on past whatever cannot be used, and an account of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/crystals/block_filter.h"
#include "data/crystals/crystal_set.h"
#include "kernels/base/thread_pool.h"
#include "xrd/cif/cif.h"

namespace bragg::data {

/// What became of the blocks; both lists in the order of the input.
struct ImportReport {
  std::vector<xrd::CifError> rejected;
  std::vector<xrd::CifWarning> warnings;
  std::int64_t without_crystal = 0;  ///< blocks without any tag of a crystal: texts, powder data
  std::int64_t more_symmetric = 0;   ///< crystals stored under a larger group than their files declare
  std::int64_t more_from_p1 = 0;     ///< those of them that are declared P1
  std::int64_t other_number = 0;     ///< those of them whose group has another number
  std::int64_t search_given_up = 0;  ///< as declared: the search would have taken too long
  std::int64_t left_out = 0;         ///< blocks that the filter does not take; they are in nothing else here
};

/// Whether the symmetry of a file is looked into (xrd::with_symmetry_found) or taken as declared.
enum class Symmetry { found, declared };

/// Reads every block of `paths` (CIF files, plain or .gz; folders are searched for *.cif and *.cif.gz, in the
/// order of their names) and adds its crystal to `set`, in the order of the input for any number of threads.
/// Paths that cannot be read are rejected like bad blocks. Memory beyond the set is bounded by bytes, not by
/// numbers of files or blocks. `progress` is called between portions with the
/// number of blocks done. Blocks that `filter` does not take are not read.
ImportReport import_crystals(const std::vector<std::filesystem::path>& paths, ThreadPool&,
                             CrystalSetWriter& set,
                             const std::function<void(std::int64_t blocks)>& progress = {},
                             Symmetry = Symmetry::found, const BlockFilter& filter = {});

/// The table of what was refused: file, block, line (0: not known), reason, detail; tab-separated with a
/// header.
std::string rejected_table(const std::vector<xrd::CifError>&);

}  // namespace bragg::data
