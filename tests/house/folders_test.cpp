// The rules of the house that a compiler does not check: who may include whom, where foreign libraries may
// appear, how long a file may get.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/shared_data.h"

namespace bragg::tests {
namespace {

const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::map<std::string, std::set<std::string>> arrows{
      {"kernels", {"kernels"}},
      {"xrd", {"xrd", "kernels"}},
      {"nn", {"nn", "kernels"}},
      {"data", {"data", "xrd", "kernels"}},
      {"apps", {"apps", "data", "nn", "xrd", "kernels"}},
  };
  return arrows;
}

struct Source {
  std::string path;  ///< relative to the project
  std::vector<std::string> lines;
};

std::vector<Source> sources(const std::string& folder) {
  std::vector<Source> found;
  const auto root = project_file("");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
    Source source{std::filesystem::relative(entry.path(), root).string(), {}};
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);)
      source.lines.push_back(line);
    found.push_back(std::move(source));
  }
  return found;
}

std::vector<std::string> includes(const Source& source) {
  static const std::regex include(R"(\s*#\s*include\s*([<"][^>"]+)[>"].*)");
  std::vector<std::string> found;
  std::smatch match;
  for (const auto& line : source.lines) {
    if (std::regex_match(line, match, include)) found.push_back(match[1]);
  }
  return found;
}

TEST(House, includes_follow_the_arrows_between_folders) {
  for (const auto& [folder, may_use] : allowed()) {
    const auto files = sources(folder);
    ASSERT_FALSE(files.empty()) << folder;
    for (const auto& source : files) {
      for (const auto& include : includes(source)) {
        if (include.front() != '"') continue;
        const auto target = include.substr(1, include.find('/') - 1);
        EXPECT_TRUE(may_use.count(target)) << source.path << " includes " << include.substr(1);
      }
    }
  }
}

TEST(House, foreign_libraries_stay_where_they_belong) {
  const std::map<std::string, std::vector<std::string>> homes{
      {"<gemmi/",
       {"xrd/scattering/anomalous_dispersion.cpp", "xrd/cif/grammar.cpp",
        "xrd/symmetry/symmetry_tables.cpp"}},
      {"<CLI/", {"apps/"}},
      {"<cuda", {"kernels/cuda/"}},
  };
  for (const auto& [folder, may_use] : allowed()) {
    for (const auto& source : sources(folder)) {
      for (const auto& include : includes(source)) {
        for (const auto& [library, places] : homes) {
          if (include.rfind(library, 0) != 0) continue;
          EXPECT_TRUE(std::any_of(places.begin(), places.end(),
                                  [&](const auto& place) { return source.path.rfind(place, 0) == 0; }))
              << source.path << " includes " << include.substr(1);
        }
      }
    }
  }
}

TEST(House, no_file_is_longer_than_600_lines) {
  for (const char* folder : {"kernels", "xrd", "nn", "data", "apps", "tests", "bench"}) {
    for (const auto& source : sources(folder))
      EXPECT_LE(source.lines.size(), 600u) << source.path;
  }
}

}  // namespace
}  // namespace bragg::tests
