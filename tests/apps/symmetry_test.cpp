// What the program says and stores about symmetry that a file does not declare.
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/run_bragg.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

using nlohmann::json;

/// The column of `crystals info --table` by its name.
std::vector<std::string> column(const std::string& table, const std::string& name) {
  std::istringstream in(table);
  std::vector<std::string> out;
  std::size_t wanted = 0;
  bool first = true;
  for (std::string line; std::getline(in, line); first = false) {
    std::istringstream fields(line);
    std::string field;
    for (std::size_t i = 0; std::getline(fields, field, '\t'); ++i) {
      if (first && field == name) wanted = i + 1;
      if (!first && i + 1 == wanted) out.push_back(field);
    }
  }
  return out;
}

TEST(Symmetry, ImportStoresWhatIsFoundUnlessToldOtherwise) {
  const TemporaryFolder folder;
  write_text(folder / "a.cif", caesium_chloride_cif("p1", "P 1") + caesium_chloride_cif("whole", "P m -3 m"));
  const std::string set = folder / "set.safetensors";
  const RunResult found = run_bragg({"crystals", "import", folder / "a.cif", "-o", set});
  ASSERT_EQ(found.code, 0) << found.err;
  EXPECT_NE(found.err.find("1 crystals have more symmetry than declared"), std::string::npos) << found.err;
  const std::string table = run_bragg({"crystals", "info", set, "--table"}).out;
  EXPECT_EQ(column(table, "space_group"), (std::vector<std::string>{"221", "221"}));
  EXPECT_EQ(column(table, "space_group_declared"), (std::vector<std::string>{"1", "221"}));
  const RunResult kept =
      run_bragg({"crystals", "import", folder / "a.cif", "-o", set, "--keep-declared-symmetry"});
  ASSERT_EQ(kept.code, 0) << kept.err;
  EXPECT_EQ(kept.err.find("more symmetry"), std::string::npos) << kept.err;
  const std::string declared = run_bragg({"crystals", "info", set, "--table"}).out;
  EXPECT_EQ(column(declared, "space_group"), (std::vector<std::string>{"1", "221"}));
  EXPECT_EQ(column(declared, "space_group_declared"), (std::vector<std::string>{"1", "221"}));
}

TEST(Symmetry, SimulateTakesWhatIsFoundAndSaysSo) {
  const TemporaryFolder folder;
  write_text(folder / "p1.cif", caesium_chloride_cif("c", "P 1"));
  write_text(folder / "whole.cif", caesium_chloride_cif("c", "P m -3 m"));
  const RunResult p1 = run_bragg({"simulate", folder / "p1.cif", "--reflections", "--json"}),
                  whole = run_bragg({"simulate", folder / "whole.cif", "--reflections", "--json"});
  ASSERT_EQ(p1.code, 0) << p1.err;
  EXPECT_EQ(p1.out, whole.out);
  EXPECT_NE(p1.err.find("declared P 1 (1)"), std::string::npos) << p1.err;
  EXPECT_NE(p1.err.find("P m -3 m (221)"), std::string::npos) << p1.err;
  EXPECT_EQ(whole.err, "");
  const RunResult kept =
      run_bragg({"simulate", folder / "p1.cif", "--reflections", "--json", "--keep-declared-symmetry"});
  EXPECT_EQ(json::parse(kept.out)["space_group"], 1);
  EXPECT_EQ(kept.err, "");
  // The pattern, texture and strain included, is the symmetric crystal's.
  const auto pattern = [&](const char* file) {
    return run_bragg({"simulate", folder / file, "--recipe", "set1", "--seed", "5", "--step", "0.05"});
  };
  ASSERT_EQ(pattern("p1.cif").code, 0) << pattern("p1.cif").err;
  EXPECT_EQ(pattern("p1.cif").out, pattern("whole.cif").out);
}

}  // namespace
}  // namespace bragg::tests
