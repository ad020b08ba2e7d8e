// The rules of the house that a compiler does not check: who may include whom, where foreign libraries may
// appear, how long a file and a function may get.
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

/// Rooms of one folder: a file of the first may include what lies in the others, and nothing else of the folder.
struct Room {
  const char* path;
  std::vector<std::string> may_use;
};
const std::vector<Room>& rooms() {
  static const std::vector<Room> all{
      {"kernels/base/", {"kernels/base/"}},
      {"kernels/crystal/", {"kernels/base/", "kernels/crystal/"}},
      {"kernels/ops/", {"kernels/base/", "kernels/crystal/", "kernels/ops/"}},
      {"kernels/reference/",
       {"kernels/base/", "kernels/crystal/", "kernels/ops/", "kernels/host_backend.h", "kernels/reference/"}},
      {"kernels/cpu/",
       {"kernels/base/", "kernels/crystal/", "kernels/ops/", "kernels/backend.h", "kernels/host_backend.h",
        "kernels/host_memory.h", "kernels/cpu/"}},
      {"kernels/cuda/",
       {"kernels/base/", "kernels/crystal/", "kernels/ops/", "kernels/backend.h", "kernels/backend_of.h",
        "kernels/cuda/"}},
      // What learns knows nothing of crystals.
      {"nn/",
       {"nn/", "kernels/base/", "kernels/backend.h", "kernels/operand_layout.h", "kernels/ops/network_op.h",
        "kernels/ops/adam.h", "kernels/ops/epilogue.h", "kernels/ops/learning_rate.h", "kernels/ops/call.h",
        "kernels/ops/rows.h", "kernels/ops/softmax_cross_entropy.h", "kernels/ops/step_state.h"}},
      {"xrd/scattering/", {"xrd/scattering/", "xrd/crystal.h", "xrd/folded_text.h", "xrd/quantity_text.h"}},
      {"xrd/symmetry/", {"xrd/symmetry/", "xrd/crystal.h", "xrd/unit_cell.h", "xrd/reflections.h"}},
      {"data/recipes/", {"data/recipes/"}},
      {"data/crystals/",
       {"data/crystals/", "data/file_kind.h", "data/hash.h", "data/text_source.h", "data/text_table.h"}},
      {"data/library/",
       {"data/library/", "data/crystals/", "data/hash.h", "data/held_out_keys.h", "data/text_table.h"}},
      {"data/formats/", {"data/formats/", "data/text_source.h", "data/patterns/resample.h"}},
  };
  return all;
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

std::size_t indentation(const std::string& line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

/// Without a comment and blanks behind it.
std::string code_of(const std::string& line) {
  const std::string code = line.substr(0, line.find("//"));
  return code.substr(0, code.find_last_not_of(' ') + 1);
}

struct Function {
  std::string head;
  std::size_t first, lines;  ///< from the first line of its head (1, 2, ...) to the closing brace
};

/// Reads what clang-format wrote: a block ends with the first brace that stands where its head begins.
/// Lambdas are functions, too; classes, statements and tables are not.
std::vector<Function> functions(const std::vector<std::string>& lines) {
  static const std::regex other(R"((template <.*> ?)?(namespace|class|struct|union|enum|extern)\b.*)"
                                R"(|(\} ?)?(else|if|for|while|switch|do|try|catch|case)\b.*)");
  struct Block {
    bool is_function;
    std::string head;
    std::size_t first;
  };
  std::map<std::size_t, Block> open;  // by indentation
  std::vector<Function> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string code = code_of(lines[i]);
    if (code.empty()) continue;
    if (code[indentation(code)] == '}') {
      const auto block = open.find(indentation(code));
      if (block != open.end() && block->second.is_function)
        found.push_back({block->second.head, block->second.first + 1, i - block->second.first + 1});
      open.erase(open.lower_bound(indentation(code)), open.end());
    }
    if (code.back() != '{') continue;
    std::size_t first = i;
    std::string head = code.substr(indentation(code));
    while (first > 0) {
      const std::string before = code_of(lines[first - 1]);
      if (before.empty() || before.front() == '#' ||
          std::string(";{}:").find(before.back()) != std::string::npos)
        break;
      head = before.substr(indentation(before)) + " " + head;
      --first;
    }
    const bool has_body = head.find('(') != std::string::npos && head.ends_with(" {") &&
                          !head.ends_with("= {") && !head.ends_with(", {") && !head.ends_with("return {");
    const bool is_function = has_body && !std::regex_match(head, other);
    open[indentation(lines[first])] = {is_function, head, first};
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

TEST(House, rooms_of_a_folder_have_arrows_too) {
  for (const Room& room : rooms()) {
    const auto files = sources(room.path);
    ASSERT_FALSE(files.empty()) << room.path;
    const std::string path = room.path, folder = path.substr(0, path.find('/') + 1);
    for (const auto& source : files) {
      for (const auto& include : includes(source)) {
        if (include.front() != '"') continue;
        const std::string target = include.substr(1);
        const bool is_judged =
            target.rfind(folder, 0) == 0 || (folder == "nn/" && target.rfind("kernels/", 0) == 0);
        if (!is_judged) continue;
        EXPECT_TRUE(std::any_of(room.may_use.begin(), room.may_use.end(),
                                [&](const auto& allowed) { return target.rfind(allowed, 0) == 0; }))
            << source.path << " includes " << target;
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
      {"<pugixml", {"data/formats/xml_document.h"}},
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

// Whoever includes an installed header needs no library's own (cmake/package.cmake; tests/install builds against them).
TEST(House, installed_headers_include_the_standard_library_alone) {
  static const std::regex standard("<[a-z_0-9]+");
  static const std::regex not_installed("(" BRAGG_PRIVATE_HEADERS ")(/.*)?");
  for (const char* folder : {"kernels", "xrd", "nn", "data"}) {
    for (const auto& source : sources(folder)) {
      if (!source.path.ends_with(".h") || std::regex_match(source.path, not_installed)) continue;
      for (const auto& include : includes(source)) {
        EXPECT_TRUE(include.front() == '"' || std::regex_match(include, standard))
            << source.path << " includes " << include.substr(1);
      }
    }
  }
}

TEST(House, files_are_at_most_400_lines_long) {
  // Tests and benchmarks may have 600.
  for (const char* folder : {"kernels", "xrd", "nn", "data", "apps", "tests", "bench"}) {
    const std::string name = folder;
    for (const auto& source : sources(folder)) {
      const std::size_t most = name == "tests" || name == "bench" ? 600 : 400;
      EXPECT_LE(source.lines.size(), most) << source.path;
    }
  }
}

TEST(House, functions_are_at_most_80_lines_long) {
  for (const auto& [folder, may_use] : allowed()) {
    std::size_t count = 0;
    for (const auto& source : sources(folder)) {
      for (const Function& function : functions(source.lines)) {
        ++count;
        EXPECT_LE(function.lines, 80) << source.path << ":" << function.first << ": " << function.head;
      }
    }
    EXPECT_GT(count, 100) << folder << ": they are not read as they are written";
  }
}

TEST(House, functions_are_found_as_they_are_written) {
  const std::vector<std::string> lines{
      "namespace bragg {",
      "",
      "/// Says what it is.",
      "template <typename T>",
      "int Class<T>::one(int a,  // a comment",
      "                  int b) const {",
      "  if (a) {",
      "    return 1;",
      "  } else {",
      "    each([&](int i) {",
      "      f(i);",
      "    });",
      "  }",
      "  return f({",
      "      1,",
      "  });",
      "}",
      "",
      "const std::vector<int> table{",
      "    f(1),",
      "};",
      "",
      "struct alignas(8) Two {",
      "  Two(int a)",
      "      : a_(a) {  // why",
      "    g();",
      "  }",
      "  int get() const { return a_; }",
      "};",
      "",
      "}  // namespace bragg",
  };
  std::vector<std::pair<std::size_t, std::size_t>> found;
  for (const Function& function : functions(lines))
    found.emplace_back(function.first, function.lines);
  EXPECT_EQ(found, (std::vector<std::pair<std::size_t, std::size_t>>{{10, 3}, {4, 14}, {24, 4}}));
}

}  // namespace
}  // namespace bragg::tests
