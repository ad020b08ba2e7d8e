// Statistics of a set, and synthetic crystals drawn from them. That their symmetry is the group's and no more
// is checked against spglib in spglib_test.cpp.
#include "data/crystals/crystal_generator.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "data/crystals/crystal_import.h"
#include "kernels/base/error.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "xrd/symmetry/extra_symmetry.h"
#include "xrd/symmetry/site_symmetry.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::tests {
namespace {

using data::CrystalGenerator;
using data::CrystalStatistics;
using data::GeneratorOptions;
using data::SiteClass;

CrystalStatistics statistics_of(const std::vector<xrd::Crystal>& crystals, int threads = 1) {
  ThreadPool pool(threads);
  return {data::crystals_of(crystals), pool};
}

GeneratorOptions uniform_options(const CrystalStatistics& statistics) {
  GeneratorOptions options;
  options.space_groups = data::space_group_weights(statistics, 0);
  return options;
}

GeneratorOptions only(int space_group) {
  GeneratorOptions options;
  options.space_groups[space_group] = 1;
  return options;
}

bool equal(const xrd::Crystal& a, const xrd::Crystal& b) {
  return a.name == b.name && a.cell == b.cell && a.group.number == b.group.number &&
         std::equal(a.sites.begin(), a.sites.end(), b.sites.begin(), b.sites.end(),
                    [](const xrd::Site& p, const xrd::Site& q) {
                      return p.label == q.label && p.species == q.species && p.position.x == q.position.x &&
                             p.position.y == q.position.y && p.position.z == q.position.z &&
                             p.multiplicity == q.multiplicity;
                    });
}

TEST(CrystalStatistics, OfThreeCrystals) {
  const auto crystals = three_crystals();  // rock salt, quartz, CsCl with half the Cs
  const CrystalStatistics statistics = statistics_of(crystals);
  ASSERT_EQ(statistics.records().size(), 3u);
  const auto& quartz = statistics.records()[1];
  EXPECT_EQ(quartz.space_group, 154);
  EXPECT_EQ(quartz.sites, 2);
  EXPECT_TRUE(quartz.has_shape);
  EXPECT_FLOAT_EQ(quartz.shape.c_a, 5.4047f / 4.9137f);
  EXPECT_EQ(quartz.shape.gamma, 120);
  const auto species = statistics.species(quartz);
  ASSERT_EQ(species.size(), 2u);
  EXPECT_EQ(species[1].species, (xrd::Species{8, -2}));
  EXPECT_EQ(species[1].sites, 1);
  EXPECT_EQ(species[1].atoms, 6);
  EXPECT_EQ(statistics.species(statistics.records()[2])[0].atoms, 0.5f);

  EXPECT_EQ(statistics.of_group(225).size(), 1u);
  EXPECT_EQ(statistics.of_group(221).size(), 1u);
  EXPECT_TRUE(statistics.of_group(195).empty());
  EXPECT_EQ(statistics.of_lattice(195).size(), 1u);  // cP: that of 221
  EXPECT_EQ(statistics.of_lattice(191).size(), 1u);  // hP: quartz
  EXPECT_TRUE(statistics.of_lattice(166).empty());   // hR
  EXPECT_EQ(statistics.shapes_of_lattice(191).size(), 1u);
  EXPECT_EQ(statistics.sites_of_group(225, {0, 48}), 2);  // both on m-3m
  EXPECT_EQ(statistics.sites_of_group(154, {1, 2}), 1);   // Si on the two-fold axis
  EXPECT_EQ(statistics.sites_of_group(154, {3, 1}), 1);
  EXPECT_EQ(statistics.sites_of_lattice(180, {1, 2}), 1);
  EXPECT_EQ(statistics.sites_of_group(154, {0, 6}), 0);

  // Three volumes, five elements: they can all be met.
  for (std::size_t i = 0; i < crystals.size(); ++i) {
    double sum = 0;
    for (const auto& c : statistics.species(statistics.records()[i]))
      sum += c.atoms * statistics.element_volume(c.species.atomic_number);
    EXPECT_NEAR(statistics.records()[i].packing * sum, crystals[i].cell.volume(), 1e-3) << i;
    EXPECT_NEAR(statistics.records()[i].packing, 1, 0.02) << i;
  }
}

TEST(CrystalStatistics, SpeciesOnOnePositionAreOneSite) {
  xrd::Crystal mixed = three_crystals()[0];
  mixed.sites[0].occupancy = 0.5;
  mixed.sites.push_back(mixed.sites[0]);
  mixed.sites.back().species = {19, 1};
  const CrystalStatistics statistics = statistics_of({mixed});
  EXPECT_EQ(statistics.records()[0].sites, 2);
  EXPECT_EQ(statistics.species(statistics.records()[0]).size(), 3u);
  EXPECT_EQ(statistics.sites_of_group(225, {0, 48}), 2);
}

TEST(CrystalStatistics, OtherAxesGiveNoShape) {
  xrd::Crystal crystal = three_crystals()[0];
  crystal.cell = {5, 6, 7, 90, 100, 90};
  crystal.group = xrd::setting_from_hm("P 1 21/n 1", crystal.cell);
  crystal.sites.resize(1);
  crystal.sites[0].position = {0.1, 0.2, 0.3};
  crystal.sites[0].multiplicity = 4;
  xrd::Crystal moved = crystal;  // the standard axes with another origin
  moved.group = xrd::setting_from_operators(
      {xrd::parse_operator("x,y,z"), xrd::parse_operator("-x,-y+1/2,-z"),
       xrd::parse_operator("-x,y+1/2,-z+1/2"), xrd::parse_operator("x,-y,z+1/2")});
  ASSERT_EQ(moved.group.number, 14);
  const CrystalStatistics statistics = statistics_of({crystal, moved});
  EXPECT_FALSE(statistics.records()[0].has_shape);
  EXPECT_TRUE(statistics.records()[1].has_shape);
  EXPECT_EQ(statistics.of_lattice(14).size(), 2u);
  EXPECT_EQ(statistics.shapes_of_lattice(14).size(), 1u);
}

TEST(CrystalStatistics, AreTheSameForAnyNumberOfThreads) {
  std::vector<xrd::Crystal> crystals;
  for (int i = 0; i < 1200; ++i)
    crystals.push_back(three_crystals()[static_cast<std::size_t>(i) % 3]);
  const CrystalStatistics one = statistics_of(crystals, 1), three = statistics_of(crystals, 3);
  for (int z = 1; z <= 98; ++z)
    EXPECT_EQ(one.element_volume(z), three.element_volume(z));
  EXPECT_TRUE(std::equal(one.of_group(154).begin(), one.of_group(154).end(), three.of_group(154).begin(),
                         three.of_group(154).end()));
  const CrystalGenerator a(one, uniform_options(one)), b(three, uniform_options(three));
  for (std::uint64_t i = 0; i < 50; ++i)
    EXPECT_TRUE(equal(a.crystal(i), b.crystal(i))) << i;
}

TEST(CrystalStatistics, OfNothingIsAnError) {
  EXPECT_THROW(statistics_of({}), Error);
}

TEST(CrystalGenerator, ACrystalIsAFunctionOfSeedAndIndex) {
  const CrystalStatistics statistics = statistics_of(three_crystals());
  GeneratorOptions options = uniform_options(statistics);
  const CrystalGenerator generator(statistics, options), again(statistics, options);
  options.seed = 2;
  const CrystalGenerator other(statistics, options);
  constexpr std::int64_t count = 300;
  std::vector<xrd::Crystal> parallel(count);
  ThreadPool pool(4);
  pool.run(count, [&](std::int64_t i, int) {
    parallel[static_cast<std::size_t>(i)] = generator.crystal(static_cast<std::uint64_t>(i));
  });
  int equal_to_other_seed = 0, equal_to_next = 0;
  for (std::int64_t i = count - 1; i >= 0; --i) {
    const auto index = static_cast<std::uint64_t>(i);
    EXPECT_TRUE(equal(parallel[index], again.crystal(index))) << i;
    equal_to_other_seed += parallel[index].cell == other.crystal(index).cell;
    if (i > 0) equal_to_next += parallel[index].cell == parallel[index - 1].cell;
  }
  EXPECT_EQ(equal_to_other_seed, 0);
  EXPECT_EQ(equal_to_next, 0);
  EXPECT_FALSE(equal(generator.crystal(1), generator.crystal(1 + (std::uint64_t{1} << 32))));
}

/// What every synthetic crystal must be.
void expect_sound(const xrd::Crystal& crystal, const GeneratorOptions& options) {
  const auto& standard = xrd::reference_setting(crystal.group.number).setting;
  EXPECT_EQ(crystal.group.hm, standard.hm);
  EXPECT_EQ(crystal.group.operators.size(), standard.operators.size());
  ASSERT_TRUE(crystal.cell.is_possible()) << crystal.name;
  const xrd::CellDeviation deviation = xrd::cell_deviation(crystal.cell, crystal.group.operators);
  EXPECT_LT(deviation.length, 1e-12) << crystal.name;
  EXPECT_LT(deviation.angle, 1e-9) << crystal.name;
  EXPECT_FALSE(xrd::ExtraSymmetry(standard).lattice_is_special(crystal.cell, 0.0099)) << crystal.name;
  EXPECT_LE(crystal.cell.volume(), options.max_volume * (1 + 1e-12));
  EXPECT_LE(crystal.atoms_per_cell(), options.max_atoms);
  ASSERT_FALSE(crystal.sites.empty());

  double greatest = 0;
  for (const xrd::Site& site : crystal.sites) {
    EXPECT_EQ(site.occupancy, 1);
    for (const double x : {site.position.x, site.position.y, site.position.z})
      EXPECT_TRUE(x >= 0 && x < 1) << x;
    const auto placed = xrd::place_site(crystal.cell, crystal.group.operators, site.position);
    EXPECT_EQ(placed.multiplicity, site.multiplicity) << crystal.name << " " << site.label;
    EXPECT_LT(placed.shift, 1e-6);
    greatest = std::max(greatest, xrd::covalent_radius(site.species.atomic_number));
  }
  const auto radius = [&](int site) {
    return xrd::covalent_radius(crystal.sites[static_cast<std::size_t>(site)].species.atomic_number);
  };
  const auto close = xrd::contacts(crystal.cell, crystal.group.operators, crystal.sites,
                                   2 * greatest * options.distance_factor);
  ASSERT_TRUE(close);
  for (const xrd::Contact& c : *close)
    EXPECT_GT(c.distance, options.distance_factor * (radius(c.site) + radius(c.other)) - 1e-4)
        << crystal.name << " " << crystal.group.hm;
  // (contacts() leaves an atom's own images out)
  for (const double edge : {crystal.cell.a, crystal.cell.b, crystal.cell.c})
    EXPECT_GT(edge, 2 * options.distance_factor * greatest - 1e-4);
}

TEST(CrystalGenerator, EveryGroupFromThreeCrystals) {
  // Nothing is known of most lattices here: what the set lacks comes from a wide prior.
  const CrystalStatistics statistics = statistics_of(three_crystals());
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    const GeneratorOptions options = only(number);
    const CrystalGenerator generator(statistics, options);
    const xrd::Crystal crystal = generator.crystal(static_cast<std::uint64_t>(number));
    EXPECT_EQ(crystal.group.number, number);
    expect_sound(crystal, options);
  }
}

TEST(CrystalGenerator, LimitsAreKept) {
  const CrystalStatistics statistics = statistics_of(three_crystals());
  GeneratorOptions options = uniform_options(statistics);
  options.space_groups = {};
  for (const int number : {1, 2, 14, 62, 139, 166, 194, 221})
    options.space_groups[number] = 1;
  options.max_atoms = 12;
  options.max_volume = 250;
  options.distance_factor = 0.9;
  const CrystalGenerator generator(statistics, options);
  for (std::uint64_t i = 0; i < 200; ++i)
    expect_sound(generator.crystal(i), options);
}

TEST(CrystalGenerator, WhatCannotBeIsAnError) {
  const CrystalStatistics statistics = statistics_of(three_crystals());
  GeneratorOptions options;
  EXPECT_THROW(CrystalGenerator(statistics, options), Error);  // no weight
  options.space_groups[5] = -1;
  EXPECT_THROW(CrystalGenerator(statistics, options), Error);
  options.space_groups[5] = 1;
  options.max_atoms = 0;
  EXPECT_THROW(CrystalGenerator(statistics, options), Error);
  options = only(227);
  options.max_atoms = 4;  // its smallest orbit has 8
  const CrystalGenerator generator(statistics, options);
  try {
    generator.crystal(0);
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("space group 227 with at most 4 atoms"), std::string::npos)
        << e.what();
  }
}

TEST(CrystalGenerator, WeightsOfSpaceGroups) {
  auto crystals = three_crystals();
  for (int i = 0; i < 3; ++i)
    crystals.push_back(crystals[0]);
  const CrystalStatistics statistics = statistics_of(crystals);
  const auto like = data::space_group_weights(statistics, 1),
             half = data::space_group_weights(statistics, 0.5),
             uniform = data::space_group_weights(statistics, 0);
  EXPECT_EQ(like[225], 4);
  EXPECT_EQ(half[225], 2);
  EXPECT_EQ(like[154], 1);
  EXPECT_EQ(like[1], 0);
  EXPECT_EQ(half[1], 0);
  EXPECT_THROW(uniform[0], std::out_of_range);
  EXPECT_THROW(uniform[231], std::out_of_range);
  EXPECT_EQ(std::accumulate(uniform.begin(), uniform.end(), 0.0), 230);

  GeneratorOptions options;
  options.space_groups = half;
  const CrystalGenerator generator(statistics, options);
  int count[231] = {};
  constexpr int draws = 4000;
  for (std::uint64_t i = 0; i < draws; ++i)
    ++count[generator.crystal(i).group.number];
  EXPECT_EQ(count[225] + count[154] + count[221], draws);
  for (const int number : {154, 221})
    EXPECT_NEAR(count[number], draws / 4, 5 * std::sqrt(draws * 0.25 * 0.75)) << number;
}

TEST(CrystalGenerator, FollowsALargeSet) {
  BRAGG_SHARED_DATA_OR_SKIP(cif, "crystals.cif.gz");
  const TemporaryFolder folder;
  ThreadPool pool;
  {
    data::CrystalSetWriter writer;
    data::import_crystals({cif}, pool, writer);
    writer.write(folder / "set.safetensors");
  }
  const data::CrystalSet set(folder / "set.safetensors");
  const CrystalStatistics statistics(data::crystals_of({&set}), pool);
  GeneratorOptions options;
  options.space_groups = data::space_group_weights(statistics, 1);
  const CrystalGenerator generator(statistics, options);
  constexpr std::int64_t count = 4000;
  std::vector<xrd::Crystal> crystals(count);
  pool.run(count, [&](std::int64_t i, int) {
    crystals[static_cast<std::size_t>(i)] = generator.crystal(static_cast<std::uint64_t>(i));
  });
  std::array<double, xrd::crystal_system_count> expected{}, got{};
  for (const auto& record : statistics.records())
    ++expected[static_cast<std::size_t>(xrd::crystal_system(record.space_group))];
  std::vector<double> density, set_density;
  std::set<int> elements;
  for (std::size_t i = 0; i < crystals.size(); ++i) {
    if (i < 400) expect_sound(crystals[i], options);
    ++got[static_cast<std::size_t>(xrd::crystal_system(crystals[i].group.number))];
    density.push_back(crystals[i].density());
    set_density.push_back(set.crystal(static_cast<std::int64_t>(i) * (set.size() / count)).density());
    for (const xrd::Site& site : crystals[i].sites)
      elements.insert(site.species.atomic_number);
  }
  for (std::size_t s = 0; s < expected.size(); ++s) {
    const double p = expected[s] / static_cast<double>(statistics.records().size());
    EXPECT_NEAR(got[s] / count, p, 5 * std::sqrt(p * (1 - p) / count)) << s;
  }
  const auto median = [](std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
  };
  // Dense crystals are refused more often.
  EXPECT_NEAR(median(density) / median(set_density), 0.92, 0.08);
  EXPECT_GT(elements.size(), 80u);
}

}  // namespace
}  // namespace bragg::tests
