// Measured files whose answer is known, by a table, as labelled patterns: what `patterns join` writes and `evaluate` asks a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/evaluation/measured_item.h"
#include "apps/evaluation/model_metadata.h"
#include "data/patterns/pattern_rows.h"

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
  data::PatternRows patterns;
  std::int64_t phases = 0, refused = 0;
};
/// The patterns of the table's files on the instrument's grid, with their labels. What was assumed, warned of and refused
/// is told on the standard error (item_remarks.h). Throws Error where every one is refused.
JoinedFiles join_files(const std::string& table, const MeasuredReading&, const ModelFacts&);

}  // namespace bragg::apps
