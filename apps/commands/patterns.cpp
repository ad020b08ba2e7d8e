// bragg patterns describe SET...: what patterns look like, as distributions; collect is in
// patterns_collect.cpp
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/pattern_statistics.h"
#include "data/weighted_rows.h"
#include "kernels/base/error.h"

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

int describe(const Options& options) {
  std::map<std::int32_t, double> of_first;
  std::vector<std::vector<std::vector<double>>> of_set;  // set, statistic, sorted values
  for (const std::string& path : options.paths) {
    const data::PatternSet set(path);
    if (set.size() == 0) throw Error(fmt::format("{}: no patterns", path));
    std::vector<std::int32_t> rows(static_cast<std::size_t>(set.size()));
    std::iota(rows.begin(), rows.end(), 0);
    if (options.same_groups) {
      if (of_set.empty())
        of_first = space_group_counts(set);
      else
        rows = rows_in_proportion(set, of_first);
    }
    std::map<std::int32_t, std::array<double, data::statistic_names.size()>> known;
    auto& columns = of_set.emplace_back(data::statistic_names.size());
    for (const std::int32_t row : rows) {
      const auto [found, is_new] = known.try_emplace(row);
      if (is_new) found->second = values(data::pattern_statistics(set.instrument(), set.pattern(row)));
      for (std::size_t k = 0; k < columns.size(); ++k)
        if (!std::isnan(found->second[k])) columns[k].push_back(found->second[k]);
    }
    for (auto& column : columns)
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
      fmt::print("  {}\n", options.paths[s]);
    }
  }
  return exit_success;
}

}  // namespace

void add_patterns(CommandLine& line) {
  CLI::App* group = line.add_group("patterns", "Sets of patterns");
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add(
      "describe",
      "Noise, widths, background, number and heights of lines: their distributions, one set below the other",
      [options](const CommonOptions&) { return describe(*options); }, group);
  app->add_option("PATTERNS", options->paths, "sets of patterns (.safetensors)")->required();
  app->add_flag("--same-groups", options->same_groups,
                "count the patterns of further sets so that space groups occur as often as in the first");
  add_patterns_collect(line, group);
}

}  // namespace bragg::apps
