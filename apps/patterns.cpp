// bragg patterns describe SET...: what patterns look like, as distributions.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "data/pattern_set.h"
#include "data/pattern_statistics.h"
#include "kernels/error.h"

namespace bragg::apps {
namespace {

constexpr double shares[] = {0.05, 0.25, 0.5, 0.75, 0.95};

int describe(const std::vector<std::string>& paths) {
  fmt::print("{:12} {:>10} {:>10} {:>10} {:>10} {:>10}  percentiles\n", "", "5", "25", "50", "75", "95");
  std::vector<std::vector<std::vector<double>>> of_set;  // set, statistic, sorted values
  for (const std::string& path : paths) {
    const data::PatternSet set(path);
    auto& columns = of_set.emplace_back(data::statistic_names.size());
    for (std::int64_t i = 0; i < set.size(); ++i) {
      const auto statistics = values(data::pattern_statistics(set.grid(), set.pattern(i)));
      for (std::size_t k = 0; k < columns.size(); ++k)
        columns[k].push_back(statistics[k]);
    }
    if (set.size() == 0) throw Error(fmt::format("{}: no patterns", path));
    for (auto& column : columns)
      std::sort(column.begin(), column.end());
  }
  for (std::size_t k = 0; k < data::statistic_names.size(); ++k) {
    for (std::size_t s = 0; s < paths.size(); ++s) {
      fmt::print("{:12}", s == 0 ? data::statistic_names[k] : "");
      for (const double share : shares)
        fmt::print(" {:10.4g}", data::percentile(of_set[s][k], share));
      fmt::print("  {}\n", paths[s]);
    }
  }
  return exit_success;
}

}  // namespace

void add_patterns(CommandLine& line) {
  CLI::App* group = line.add_group("patterns", "Sets of patterns");
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* app = line.add(
      "describe",
      "Noise, widths, background, number and heights of lines: their distributions, one set below the other",
      [paths](const CommonOptions&) { return describe(*paths); }, group);
  app->add_option("PATTERNS", *paths, "sets of patterns (.safetensors)")->required();
}

}  // namespace bragg::apps
