// Against spglib, which finds the symmetry of a crystal from the bare positions of its atoms, knowing nothing
// of how they came about (A. Togo, K. Shinohara, I. Tanaka, Sci. Technol. Adv. Mater. Methods 4 (2024)
// 2384822). Built where its library is installed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <spglib.h>

#include "data/crystals/crystal_generator.h"
#include "tests/data/p1_crystals.h"
#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"
#include "xrd/symmetry/site_symmetry.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_search.h"
#include "xrd/symmetry/symmetry_tables.h"
#include "xrd/symmetry/wyckoff.h"

namespace bragg::tests {
namespace {

constexpr double symprec = 0.01;  // A

struct Found {
  int space_group = 0;
  std::vector<int> letters;  ///< of each atom, 0 = a
};

Found find_symmetry(const xrd::Crystal& crystal) {
  const xrd::UnitCell& c = crystal.cell;
  const double degree = std::numbers::pi / 180;
  const double cos_alpha = std::cos(c.alpha * degree), cos_beta = std::cos(c.beta * degree),
               cos_gamma = std::cos(c.gamma * degree), sin_gamma = std::sin(c.gamma * degree);
  const double cx = cos_beta, cy = (cos_alpha - cos_beta * cos_gamma) / sin_gamma;
  double lattice[3][3] = {{c.a, c.b * cos_gamma, c.c * cx},  // columns: the edges
                          {0, c.b * sin_gamma, c.c * cy},
                          {0, 0, c.c * std::sqrt(1 - cx * cx - cy * cy)}};
  std::vector<double> positions;
  std::vector<int> types;
  for (const xrd::CellAtom& atom : xrd::atoms_of_cell(crystal.group.operators, crystal.sites)) {
    positions.insert(positions.end(), {atom.x, atom.y, atom.z});
    const xrd::Site& site = crystal.sites[static_cast<std::size_t>(atom.site)];
    types.push_back(site.species.atomic_number + 100 * static_cast<int>(std::lround(site.occupancy * 100)));
  }
  SpglibDataset* dataset = spg_get_dataset(lattice, reinterpret_cast<double(*)[3]>(positions.data()),
                                           types.data(), static_cast<int>(types.size()), symprec);
  if (!dataset) return {};
  Found found{dataset->spacegroup_number, {dataset->wyckoffs, dataset->wyckoffs + dataset->n_atoms}};
  spg_free_dataset(dataset);
  return found;
}

TEST(Spglib, EveryWyckoffPositionHasItsLetter) {
  // A crystal with one atom of its own kind on each position: spglib must give as many different letters, and
  // the general position the last one of its tables.
  constexpr unsigned seed = 20261126;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  int positions_in_all = 0;
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    xrd::Crystal crystal;
    crystal.group = xrd::reference_setting(number).setting;
    crystal.cell = xrd::symmetrised({71, 83, 97, 86, 104, 93}, crystal.group.operators);
    const auto positions = xrd::wyckoff_positions(crystal.group.operators);
    for (const xrd::WyckoffPosition& position : positions) {
      xrd::Site site;
      site.species.atomic_number = static_cast<std::uint8_t>(crystal.sites.size() + 1);
      site.position = position.map({0.1 + 0.07 * (random() * 0x1p-32), 0.22 + 0.07 * (random() * 0x1p-32),
                                    0.37 + 0.07 * (random() * 0x1p-32)});
      site.multiplicity = position.multiplicity;
      crystal.sites.push_back(site);
    }
    if (positions.size() == 1) {  // alone, an orbit can have more symmetry
      crystal.sites.push_back(crystal.sites[0]);
      crystal.sites[1].species.atomic_number = 2;
      crystal.sites[1].position = positions[0].map({0.41, 0.13, 0.29});
      crystal.sites.push_back(crystal.sites[0]);
      crystal.sites[2].species.atomic_number = 3;
      crystal.sites[2].position = positions[0].map({0.77, 0.61, 0.93});
    }
    const Found found = find_symmetry(crystal);
    ASSERT_EQ(found.space_group, number);
    std::map<int, int> atoms;  // by letter
    for (const int letter : found.letters)
      ++atoms[letter];
    ASSERT_EQ(atoms.size(), positions.size()) << number;
    EXPECT_EQ(atoms.rbegin()->first, static_cast<int>(positions.size()) - 1) << number;
    if (positions.size() > 1) {
      std::size_t atom = 0;
      for (const xrd::WyckoffPosition& position : positions) {
        EXPECT_EQ(atoms[found.letters[atom]], position.multiplicity) << number;
        atom += static_cast<std::size_t>(position.multiplicity);
      }
    }
    positions_in_all += static_cast<int>(positions.size());
  }
  EXPECT_EQ(positions_in_all, 1731);
}

TEST(Spglib, FindsTheGroupOfSyntheticCrystals) {
  std::vector<xrd::Crystal> like;
  for (const auto& entry : std::filesystem::directory_iterator(project_file("data/crystals")))
    if (entry.path().extension() == ".cif") like.push_back(xrd::read_crystal(entry.path()));
  std::sort(like.begin(), like.end(),
            [](const xrd::Crystal& a, const xrd::Crystal& b) { return a.name < b.name; });
  ASSERT_GT(like.size(), 100u);
  ThreadPool pool(1);
  const data::CrystalStatistics statistics(data::crystals_of(like), pool);
  constexpr int per_group = 10;
  int right = 0;
  std::string wrong;
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    data::GeneratorOptions options;
    options.space_groups[number] = 1;
    const data::CrystalGenerator generator(statistics, options);
    int right_of_group = 0;
    for (std::uint64_t i = 0; i < per_group; ++i) {
      const int found = find_symmetry(generator.crystal(i)).space_group;
      right_of_group += found == number;
      if (found != number) wrong += std::to_string(number) + " is " + std::to_string(found) + "; ";
    }
    EXPECT_GE(right_of_group, per_group - 2) << number;
    right += right_of_group;
  }
  constexpr int crystals = per_group * xrd::space_group_count;
  std::printf("spglib agrees for %d of %d. %s\n", right, crystals, wrong.c_str());
  EXPECT_GE(right, crystals * 99 / 100);
}

TEST(Spglib, FindsInP1WhatOurSearchFinds) {
  const SyntheticCrystals synthetic;
  // 2,000 with BRAGG_LONG_TESTS in the environment.
  const int count = std::getenv("BRAGG_LONG_TESTS") ? 2000 : 100;
  int equal = 0;
  std::string different;
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    const xrd::Crystal p1 = synthetic.in_p1(synthetic.crystal(index), index);
    const auto ours = xrd::with_symmetry_found(p1, symprec);
    const int number = ours ? ours->group.number : 1, theirs = find_symmetry(p1).space_group;
    equal += number == theirs;
    if (number != theirs) different += fmt::format("{}: {} and {}; ", i, number, theirs);
  }
  std::printf("spglib finds the same for %d of %d. %s\n", equal, count, different.c_str());
  EXPECT_GE(equal, count * 99 / 100);
}

}  // namespace
}  // namespace bragg::tests
