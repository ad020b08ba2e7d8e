// The structures of data/library that are no part of the large data: what their files say agrees with their sites,
// no two atoms are one, and the block is called after the entry that it names.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::xrd {
namespace {

/// The crystal of a file that reads without a word: formula, density and volume are those of its sites (within
/// what the reader allows: 3 % of the density, 2 % of the volume).
Crystal only_crystal(const std::filesystem::path& path) {
  Crystal only;
  int crystals = 0;
  read_cif(
      path,
      {.crystal =
           [&](Crystal&& crystal) {
             ++crystals;
             only = std::move(crystal);
           },
       .rejected = [](const CifError& error) { ADD_FAILURE() << error.what(); },
       .warning = [](const CifWarning& w) { ADD_FAILURE() << w.file << ':' << w.line << ' ' << w.detail; }});
  EXPECT_EQ(crystals, 1) << path;
  return only;
}

/// Atoms closer than 0.7 A share a place by turns, their occupancies at most 1 in all, or one is hydrogen.
void expect_no_two_atoms_in_one_place(const Crystal& crystal) {
  constexpr double closest = 0.7, rounding = 0.02;
  const auto close = contacts(crystal.cell, crystal.group.operators, crystal.sites, closest);
  ASSERT_TRUE(close);
  for (const Contact& contact : *close) {
    const Site &a = crystal.sites[static_cast<std::size_t>(contact.site)],
               &b = crystal.sites[static_cast<std::size_t>(contact.other)];
    if (a.species.atomic_number == 1 || b.species.atomic_number == 1) continue;
    EXPECT_LE(a.occupancy + b.occupancy, 1 + rounding)
        << crystal.name << ": " << a.label << " and " << b.label << " at " << contact.distance << " A";
  }
}

TEST(LibraryStructures, FilesAgreeWithTheirSites) {
  int count = 0;
  std::set<std::string> blocks;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(tests::project_file("data/library"))) {
    if (file.path().extension() != ".cif") continue;
    ++count;
    const Crystal crystal = only_crystal(file.path());
    expect_no_two_atoms_in_one_place(crystal);
    EXPECT_TRUE(blocks.insert(crystal.name).second) << crystal.name << " twice";
    EXPECT_FALSE(crystal.names.citation.empty()) << file.path();
    EXPECT_FALSE(crystal.names.mineral.empty() && crystal.names.common.empty()) << file.path();
  }
  EXPECT_GE(count, 88);
}

TEST(LibraryStructures, EntriesAreCalledByTheirNumbers) {
  int count = 0;
  for (const std::string folder : {"amcsd", "cod"})
    for (const auto& file :
         std::filesystem::directory_iterator(tests::project_file("data/library/entries/" + folder))) {
      if (file.path().extension() != ".cif") continue;
      ++count;
      const Crystal crystal = only_crystal(file.path());
      const std::string number = crystal.name.substr(folder.size() + 1);
      EXPECT_EQ(crystal.name, folder + "_" + number);
      EXPECT_EQ(crystal.names.database_code, folder == "amcsd" ? "AMCSD 00" + number : "COD " + number);
    }
  EXPECT_GE(count, 67);
}

/// Commercial databases are not passed on, whatever a file took from them.
TEST(LibraryStructures, NoneCitesACommercialDatabase) {
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(tests::project_file("data/library"))) {
    if (file.path().extension() != ".cif") continue;
    std::stringstream text;
    text << std::ifstream(file.path()).rdbuf();
    for (const char* word : {"ICSD", "PDF", "CSD_", "ccdc", "Pearson"})
      EXPECT_EQ(text.str().find(word), std::string::npos) << file.path() << " says " << word;
  }
}

}  // namespace
}  // namespace bragg::xrd
