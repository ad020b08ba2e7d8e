// bragg patterns describe PATTERNS...: what patterns look like, as distributions; the others are in
// patterns_show.cpp, patterns_convert.cpp and patterns_join.cpp
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/item_remarks.h"
#include "apps/evaluation/measured_item.h"
#include "apps/evaluation/measured_paths.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/pattern_statistics.h"
#include "data/weighted_rows.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

constexpr double shares[] = {0.05, 0.25, 0.5, 0.75, 0.95};

struct Options {
  std::vector<std::string> paths;
  bool same_groups = false;
};

std::map<std::int32_t, double> space_group_counts(const data::PatternSet& set) {
  if (!set.has_labels())
    throw Error(fmt::format("{}: no tensor 'space_group', which --same-groups needs", set.path().string()));
  std::map<std::int32_t, double> counts;
  for (std::int64_t i = 0; i < set.size(); ++i)
    counts[set.space_group(i)] += 1;
  return counts;
}

/// Rows of the set, each as often as brings its space groups to the proportions of `wanted`.
std::vector<std::int32_t> rows_in_proportion(const data::PatternSet& set,
                                             const std::map<std::int32_t, double>& wanted) {
  const auto have = space_group_counts(set);
  std::vector<std::int32_t> rows;
  std::vector<double> weights;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const auto found = wanted.find(set.space_group(i));
    if (found == wanted.end()) continue;
    rows.push_back(static_cast<std::int32_t>(i));
    weights.push_back(found->second / have.at(found->first));
  }
  if (rows.empty())
    throw Error(fmt::format("{}: no pattern of a space group of the first set", set.path().string()));
  double all = 0, missing = 0;
  for (const auto& [space_group, count] : wanted) {
    all += count;
    if (!have.contains(space_group)) missing += count;
  }
  if (missing > 0)
    fmt::print(stderr, "{} has none of the space groups of {} of the first set's {} patterns\n",
               set.path().string(), missing, all);
  return data::weighted_rows(rows, weights);
}

/// A column a statistic, a value a pattern.
using Columns = std::vector<std::vector<double>>;

void add_values(Columns& columns, const std::array<double, data::statistic_names.size()>& values) {
  for (std::size_t k = 0; k < columns.size(); ++k)
    if (!std::isnan(values[k])) columns[k].push_back(values[k]);
}

/// `of_first`: the space groups of the first set, to whose proportions the others are brought.
Columns columns_of_set(const std::string& path, const Options& options,
                       std::optional<std::map<std::int32_t, double>>& of_first) {
  const data::PatternSet set(path);
  if (set.size() == 0) throw Error(fmt::format("{}: no patterns", path));
  std::vector<std::int32_t> rows(static_cast<std::size_t>(set.size()));
  std::iota(rows.begin(), rows.end(), 0);
  if (options.same_groups) {
    if (of_first)
      rows = rows_in_proportion(set, *of_first);
    else
      of_first = space_group_counts(set);
  }
  Columns columns(data::statistic_names.size());
  std::map<std::int32_t, std::array<double, data::statistic_names.size()>> known;
  for (const std::int32_t row : rows) {
    const auto [found, is_new] = known.try_emplace(row);
    if (is_new) found->second = values(data::pattern_statistics(set.instrument(), set.pattern(row)));
    add_values(columns, found->second);
  }
  return columns;
}

/// Measured files, on the grid that patterns are drawn on; how many were taken and refused is added up.
Columns columns_of_files(const std::string& path, const CommonOptions& common, std::int64_t& all,
                         std::int64_t& refused) {
  const ModelFacts facts;
  Columns columns(data::statistic_names.size());
  std::string why;
  bool any = false;
  read_measured({path}, {.threads = common.threads}, facts, [&](MeasuredItem item) {
    print_remarks(item);
    ++all;
    if (item.refused) {
      why = *item.refused;
      ++refused;
      return;
    }
    any = true;
    add_values(columns, values(data::pattern_statistics(facts.instrument, item.values)));
  });
  if (!any) throw Error(fmt::format("{}: no pattern that can be used: {}", path, why));
  return columns;
}

int describe(const Options& options, const CommonOptions& common) {
  std::optional<std::map<std::int32_t, double>> of_first;
  std::vector<Columns> of_set;
  std::int64_t all = 0, refused = 0;
  for (const std::string& path : options.paths) {
    const bool is_set = is_pattern_set(path);
    if (!is_set && options.same_groups)
      throw UsageError(fmt::format("{}: --same-groups needs sets with space groups", path));
    of_set.push_back(is_set ? columns_of_set(path, options, of_first)
                            : columns_of_files(path, common, all, refused));
    for (auto& column : of_set.back())
      std::sort(column.begin(), column.end());
  }
  fmt::print("{:12} {:>10} {:>10} {:>10} {:>10} {:>10}  percentiles\n", "", "5", "25", "50", "75", "95");
  for (std::size_t k = 0; k < data::statistic_names.size(); ++k) {
    for (std::size_t s = 0; s < options.paths.size(); ++s) {
      fmt::print("{:12}", s == 0 ? data::statistic_names[k] : "");
      for (const double share : shares) {
        if (of_set[s][k].empty())
          fmt::print(" {:>10}", "-");
        else
          fmt::print(" {:10.4g}", data::percentile(of_set[s][k], share));
      }
      fmt::print("  {}\n", printable(options.paths[s]));
    }
  }
  return told_refusals(refused, all);
}

}  // namespace

void add_patterns(CommandLine& line) {
  CLI::App* group = line.add_group("patterns", "Measured files and sets of patterns");
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add(
      "describe",
      "Noise, widths, background, number and heights of lines: their distributions, one set below the other",
      [options](const CommonOptions& common) { return describe(*options, common); }, group);
  app->add_option("PATTERNS", options->paths,
                  "sets of patterns (.safetensors), measured files of any format, or folders of these")
      ->required();
  app->add_flag("--same-groups", options->same_groups,
                "count the patterns of further sets so that space groups occur as often as in the first");
  add_patterns_convert(line, group);
  add_patterns_join(line, group);
  add_patterns_show(line, group);
}

}  // namespace bragg::apps
