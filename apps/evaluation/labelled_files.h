// Measured files whose answer is known, by a table, as a pattern set: what `patterns join` writes and `evaluate` reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/evaluation/measured_item.h"
#include "apps/evaluation/model_metadata.h"

namespace bragg::apps {

struct LabelledFile {
  std::string file;   ///< as the table names it, relative to its folder
  std::string phase;  ///< patterns of one phase are one group; empty: a group of its own
  int space_group = 0;
};

/// A table (data/text_table.h), plain or .gz, with the columns `file`,
/// `space_group` and, where it is there, `phase`. Those with a space group; 0 says that a file is no single known
/// phase. Throws UsageError "PATH:LINE: reason": a column that is missing, a space group that is none, nothing labelled.
std::vector<LabelledFile> read_labelled_files(const std::string& path);

struct JoinedFiles {
  std::int64_t patterns = 0, phases = 0;
  std::vector<std::string> refused;  ///< "FILE: reason"
};
/// Writes the patterns of the table's files on the instrument's grid, `maximum` high. Throws Error where every one
/// is refused.
JoinedFiles join_files(const std::string& table, const MeasuredReading&, const ModelFacts&, float maximum,
                       const std::filesystem::path& set);

}  // namespace bragg::apps
