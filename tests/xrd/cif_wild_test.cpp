// CIFs as people and programs write them: tests/xrd/wild, with what must come of each in expected.tsv.
//   case      NAME.cif or NAME.mcif
//   crystals  how many are read; 0: one refusal or no crystal's tags
//   group     space group of the first
//   content   of its cell
//   says      words of a warning or, without crystals, of the refusal; "silent": no warning; "-": not asked
//   like      a case whose peaks are the same
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "tests/support/shared_data.h"
#include "tests/xrd/cif_text.h"
#include "xrd/reflections.h"

namespace bragg::xrd {
namespace {

const std::filesystem::path& folder() {
  static const std::filesystem::path path = tests::project_file("tests/xrd/wild");
  return path;
}

std::filesystem::path file_of(const std::string& name) {
  const auto cif = folder() / (name + ".cif");
  return std::filesystem::exists(cif) ? cif : folder() / (name + ".mcif");
}

struct Expected {
  std::string name;
  std::size_t crystals = 0;
  int group = 0;
  std::string content, says, like;
};

std::vector<Expected> expectations() {
  std::ifstream in(folder() / "expected.tsv");
  std::vector<Expected> out;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::vector<std::string> cells;
    std::istringstream cut(line);
    for (std::string cell; std::getline(cut, cell, '\t');)
      cells.push_back(cell);
    cells.resize(6);
    out.push_back({cells[0], static_cast<std::size_t>(std::stoi(cells[1])), std::stoi(cells[2]), cells[3],
                   cells[4], cells[5]});
  }
  return out;
}

std::vector<Reflection> peaks_of(const Crystal& crystal) {
  static const auto backend = make_backend({"cpu", 1, ""});
  return peaks(*backend, crystal, {.wavelength = 1.5406, .range = {.start = 5, .end = 90}});
}

void expect_same_peaks(const Crystal& a, const Crystal& b) {
  const auto strong = [](std::vector<Reflection> all) {
    std::erase_if(all, [](const Reflection& r) { return r.intensity < 0.1; });
    return all;
  };
  const std::vector<Reflection> p = strong(peaks_of(a)), q = strong(peaks_of(b));
  ASSERT_EQ(p.size(), q.size());
  for (std::size_t i = 0; i < p.size(); ++i) {
    EXPECT_NEAR(p[i].two_theta, q[i].two_theta, 0.01);
    EXPECT_NEAR(p[i].intensity, q[i].intensity, 0.5) << p[i].two_theta;
  }
}

TEST(CifWild, EveryFileHasItsExpectation) {
  std::vector<std::string> expected, there;
  for (const Expected& e : expectations())
    expected.push_back(e.name);
  for (const auto& entry : std::filesystem::directory_iterator(folder()))
    if (entry.path().extension() != ".tsv") there.push_back(entry.path().stem().string());
  std::sort(expected.begin(), expected.end());
  std::sort(there.begin(), there.end());
  EXPECT_EQ(there, expected);
}

TEST(CifWild, Cases) {
  for (const Expected& e : expectations()) {
    SCOPED_TRACE(e.name);
    const Result result = read_file(file_of(e.name));
    std::string said;
    for (const CifWarning& w : result.warnings)
      said += w.detail + "\n";
    for (const CifError& error : result.errors)
      said += std::string(error.what()) + "\n";
    EXPECT_EQ(result.crystals.size(), e.crystals) << said;
    if (e.says == "silent") {
      EXPECT_EQ(said, "");
    } else if (e.says != "-") {
      EXPECT_NE(said.find(e.says), std::string::npos) << said;
    }
    if (result.crystals.empty() || e.crystals == 0) continue;
    EXPECT_TRUE(result.errors.empty()) << said;
    EXPECT_EQ(result.crystals[0].group.number, e.group);
    EXPECT_EQ(result.crystals[0].formula(), e.content);
    if (!e.like.empty()) expect_same_peaks(result.crystals[0], read_crystal(file_of(e.like)));
  }
}

}  // namespace
}  // namespace bragg::xrd
