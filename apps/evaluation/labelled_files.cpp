#include "apps/evaluation/labelled_files.h"

#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "apps/evaluation/item_remarks.h"
#include "data/text_source.h"
#include "data/text_table.h"
#include "kernels/base/error.h"
#include "kernels/base/parse_whole.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {

namespace fs = std::filesystem;

std::vector<LabelledFile> read_labelled_files(const std::string& path) {
  constexpr std::uintmax_t largest = std::uintmax_t{1} << 26;
  std::vector<LabelledFile> labels;
  data::for_rows(
      data::read_text_source(path, largest), path, {.needed = {"file", "space_group"}, .optional = {"phase"}},
      [&](std::size_t line, auto cells) {
        const auto space_group = parse_whole<int>(cells[1]);
        if (!space_group || *space_group < 0 || *space_group > xrd::space_group_count)
          throw UsageError(fmt::format("{}:{}: space_group '{}' is not in 0..230", path, line, cells[1]));
        if (*space_group > 0)
          labels.push_back({.file = cells[0], .phase = cells[2], .space_group = *space_group});
      });
  if (labels.empty()) throw UsageError(fmt::format("{}: no pattern with a space group", path));
  return labels;
}

JoinedFiles join_files(const std::string& table, const MeasuredReading& reading, const ModelFacts& facts) {
  const std::vector<LabelledFile> labels = read_labelled_files(table);
  std::vector<std::string> files;
  for (const LabelledFile& label : labels)
    files.push_back((fs::path(table).parent_path() / label.file).string());
  JoinedFiles joined{.patterns = data::PatternRows(facts.instrument)};
  std::map<std::string, std::int32_t> groups;
  std::string first_refusal;
  read_measured(files, reading, facts, [&](MeasuredItem item) {
    print_remarks(item);
    if (item.refused) {
      if (joined.refused++ == 0) first_refusal = *item.refused;
      return;
    }
    const LabelledFile& label = labels[item.source];
    const std::string where = label.file + part_of_file(item);
    const std::string phase = label.phase.empty() ? fmt::format("\t{}", item.source) : label.phase;
    const auto group = groups.try_emplace(phase, static_cast<std::int32_t>(groups.size())).first;
    joined.patterns.add(label.phase.empty() ? where : fmt::format("{} ({})", label.phase, where),
                        std::move(item.values), label.space_group, group->second);
  });
  if (joined.patterns.size() == 0) {
    throw Error(fmt::format("{}: every pattern was refused: {}", table,
                            joined.refused == 0 ? "there is none" : first_refusal));
  }
  joined.phases = static_cast<std::int64_t>(groups.size());
  return joined;
}

}  // namespace bragg::apps
