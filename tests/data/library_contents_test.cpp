// models/library.bragg itself: that it opens, what it must hold and what it must not.
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/library/built_in_library.h"
#include "data/library/library.h"
#include "data/library/library_names.h"
#include "data/library/library_sources.h"
#include "data/text_source.h"
#include "data/text_table.h"
#include "tests/support/shared_data.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::tests {
namespace {

using data::Library;
using data::LibraryEntry;
using data::StructureKind;

const Library& shipped() {
  static const Library library(project_file("models/library.bragg"));
  return library;
}

std::string text_of(const std::string& path) {
  return data::read_text_source(project_file(path), std::uintmax_t{1} << 26);
}

TEST(ShippedLibrary, HoldsSoundStructures) {
  const Library& library = shipped();
  EXPECT_GE(library.size(), 50'000);
  EXPECT_LE(std::filesystem::file_size(project_file("models/library.bragg")), 16u << 20);
  std::int64_t experimental = 0, named = 0;
  bool relaxed_before = false;
  for (std::int64_t i = 0; i < library.size(); ++i) {
    const xrd::Crystal crystal = library.crystal(i);  // throws for an impossible one
    const LibraryEntry entry = library.entry(i);
    ASSERT_FALSE(crystal.sites.empty()) << entry.entry;
    ASSERT_FALSE(entry.formula.empty()) << entry.entry;
    ASSERT_FALSE(entry.entry.empty()) << i;
    ASSERT_FALSE(entry.source.name.empty()) << entry.entry;
    experimental += entry.kind == StructureKind::experimental;
    named += !entry.name.empty();
    // Measured ones come first.
    ASSERT_FALSE(relaxed_before && entry.kind == StructureKind::experimental) << entry.entry;
    relaxed_before = entry.kind == StructureKind::dft;
  }
  EXPECT_GE(experimental, 6'500);
  EXPECT_GE(named, 3'500);
}

struct Phase {
  std::string name, source, entry;
  int space_group = 0;
  xrd::UnitCell cell;
};

std::vector<Phase> common_phases(std::int64_t& missing) {
  std::vector<Phase> phases;
  missing = 0;
  data::for_rows(text_of("data/library/common_phases.tsv"), "common_phases.tsv",
                 {{"name", "space_group", "a", "b", "c", "alpha", "beta", "gamma", "source"}, {"entry"}},
                 [&](std::size_t, std::span<const std::string> cells) {
                   if (cells[8] == "missing") {
                     ++missing;
                     return;
                   }
                   const auto number = [&](std::size_t k) { return std::stod(cells[k]); };
                   phases.push_back({cells[0],
                                     cells[8],
                                     cells[9],
                                     std::stoi(cells[1]),
                                     {number(2), number(3), number(4), number(5), number(6), number(7)}});
                 });
  return phases;
}

bool is_near(const xrd::UnitCell& a, const xrd::UnitCell& b) {
  const auto near = [](double p, double q) { return std::abs(p / q - 1) <= 0.02; };
  return near(a.a, b.a) && near(a.b, b.b) && near(a.c, b.c) && near(a.alpha, b.alpha) &&
         near(a.beta, b.beta) && near(a.gamma, b.gamma);
}

TEST(ShippedLibrary, HasTheCommonPhasesByName) {
  std::int64_t missing = 0;
  const std::vector<Phase> phases = common_phases(missing);
  EXPECT_EQ(static_cast<std::int64_t>(phases.size()) + missing, 200);
  EXPECT_LE(missing, 12);
  const Library& library = shipped();
  const data::LibraryNames index(library);
  std::set<std::string> names;
  for (const Phase& phase : phases) {
    EXPECT_TRUE(names.insert(phase.name).second) << phase.name << " twice";
    bool found = false, found_entry = false;
    for (const std::int64_t i : index.find(phase.name)) {
      const LibraryEntry entry = library.entry(i);
      if (entry.kind != StructureKind::experimental) continue;
      const bool same =
          xrd::modulo_enantiomorph(library.space_group(i)) == xrd::modulo_enantiomorph(phase.space_group) &&
          is_near(library.crystal(i).cell, phase.cell);
      found = found || same;
      found_entry = found_entry || (same && entry.entry == phase.entry && entry.source.name == phase.source);
    }
    EXPECT_TRUE(found) << phase.name << " in " << phase.space_group;
    EXPECT_TRUE(found_entry) << phase.name << ": " << phase.source << " " << phase.entry;
  }
}

TEST(ShippedLibrary, TakesSourcesThatThirdPartySaysAreFree) {
  const data::SourceRules rules(text_of("data/library/sources.tsv"), "sources.tsv");
  const std::string third_party = text_of("THIRD_PARTY.md");
  // Rows of the table: | name | yes or no | terms | ...
  std::map<std::string, std::string> passed_on;
  std::istringstream lines(third_party);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) {
      const std::size_t first = cell.find_first_not_of(' ');
      cells.push_back(
          first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    }
    if (cells.size() >= 4 && (cells[2] == "yes" || cells[2] == "no")) passed_on[cells[1]] = cells[2];
  }
  for (const data::SourceRule& rule : rules.rules()) {
    ASSERT_TRUE(passed_on.contains(rule.shown.name)) << "THIRD_PARTY.md does not tell of " << rule.shown.name;
    EXPECT_EQ(passed_on.at(rule.shown.name), rule.is_taken ? "yes" : "no") << rule.shown.name;
  }
  EXPECT_GE(shipped().sources().size(), 8u);
  for (const data::LibrarySource& source : shipped().sources()) {
    EXPECT_EQ(passed_on[source.name], "yes") << source.name;
    bool listed = false;
    for (const data::SourceRule& rule : rules.rules())
      listed = listed || (rule.is_taken && rule.shown == source);
    EXPECT_TRUE(listed) << source.name << ": its terms are not those of sources.tsv";
  }
  for (const char* name : {"AFLOW", "IZA", "OBELiX"})
    EXPECT_EQ(passed_on[name], "no") << name;
}

/// Entries under which a block may be in the library: its own name, and what the table calls it.
TEST(ShippedLibrary, HasNothingThatIsNotToShip) {
  BRAGG_SHARED_DATA_OR_SKIP(list, "not_to_ship.tsv");
  BRAGG_SHARED_DATA_OR_SKIP(table, "crystals.tsv.gz");
  std::set<std::string> blocks, entries;
  constexpr std::uintmax_t most = std::uintmax_t{1} << 30;
  data::for_rows(data::read_text_source(list, most), "not_to_ship.tsv", {{"block"}},
                 [&](std::size_t, std::span<const std::string> cells) { blocks.insert(cells[0]); });
  ASSERT_GE(blocks.size(), 200u);
  entries = blocks;
  data::for_rows(data::read_text_source(table, most), "crystals.tsv.gz", {{"block", "source_id"}},
                 [&](std::size_t, std::span<const std::string> cells) {
                   if (blocks.contains(cells[0])) entries.insert(cells[1]);
                 });
  const Library& library = shipped();
  for (std::int64_t i = 0; i < library.size(); ++i)
    EXPECT_FALSE(entries.contains(library.crystal(i).name)) << library.crystal(i).name;
}

TEST(ShippedLibrary, IsTheBuiltInOne) {
  const auto built_in = data::built_in_library();
  if (!built_in) GTEST_SKIP() << "built without the library (BRAGG_LIBRARY=OFF)";
  EXPECT_EQ(built_in->content_hash(), shipped().content_hash());
  EXPECT_EQ(built_in->size(), shipped().size());
  EXPECT_EQ(built_in, data::built_in_library());
  EXPECT_EQ(built_in->crystal(17).formula(), shipped().crystal(17).formula());
}

}  // namespace
}  // namespace bragg::tests
