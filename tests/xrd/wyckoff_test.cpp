// Wyckoff positions against International Tables A, and against the sites that xrd/symmetry/site_symmetry.h
// finds by trying every operator. tests/data/spglib_test.cpp compares their letters.
#include "xrd/symmetry/wyckoff.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "xrd/crystal.h"
#include "xrd/symmetry/site_symmetry.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

std::vector<int> multiplicities(int space_group) {
  std::vector<int> out;
  for (const WyckoffPosition& p : wyckoff_positions(reference_setting(space_group).setting.operators))
    out.push_back(p.multiplicity);
  return out;
}

TEST(Wyckoff, MultiplicitiesOfInternationalTables) {
  using List = std::vector<int>;
  EXPECT_EQ(multiplicities(1), (List{1}));
  EXPECT_EQ(multiplicities(2), (List{1, 1, 1, 1, 1, 1, 1, 1, 2}));
  EXPECT_EQ(multiplicities(14), (List{2, 2, 2, 2, 4}));
  EXPECT_EQ(multiplicities(15), (List{4, 4, 4, 4, 4, 8}));
  EXPECT_EQ(multiplicities(19), (List{4}));
  EXPECT_EQ(multiplicities(62), (List{4, 4, 4, 8}));
  EXPECT_EQ(multiplicities(141), (List{4, 4, 8, 8, 8, 16, 16, 16, 32}));
  EXPECT_EQ(multiplicities(167), (List{6, 6, 12, 18, 18, 36}));
  EXPECT_EQ(multiplicities(194), (List{2, 2, 2, 2, 4, 4, 6, 6, 12, 12, 12, 24}));
  EXPECT_EQ(multiplicities(225), (List{4, 4, 8, 24, 24, 32, 48, 48, 48, 96, 96, 192}));
  EXPECT_EQ(multiplicities(227), (List{8, 8, 16, 16, 32, 48, 96, 96, 192}));
  EXPECT_EQ(multiplicities(230), (List{16, 16, 24, 24, 32, 48, 48, 96}));
}

TEST(Wyckoff, AllGroupsTogetherHave1731) {
  std::size_t total = 0;
  for (int number = 1; number <= space_group_count; ++number)
    total += multiplicities(number).size();
  EXPECT_EQ(total, 1731u);
}

TEST(Wyckoff, NumberAndMultiplicitiesDoNotDependOnTheSetting) {
  for (const TabulatedSetting& t : tabulated_settings()) {
    const auto& standard = reference_setting(t.setting.number).setting.operators;
    // (cells of other volumes scale all multiplicities)
    const double scale =
        static_cast<double>(t.setting.operators.size()) / static_cast<double>(standard.size());
    std::map<std::pair<double, int>, int> balance;
    for (const WyckoffPosition& p : wyckoff_positions(t.setting.operators))
      ++balance[{p.multiplicity / scale, p.map.dimension}];
    for (const WyckoffPosition& p : wyckoff_positions(standard))
      --balance[{p.multiplicity, p.map.dimension}];
    for (const auto& [position, n] : balance)
      EXPECT_EQ(n, 0) << t.setting.hm << ": multiplicity " << position.first << " dimension "
                      << position.second;
  }
}

/// A cell of the group's metric, large enough that no two images of a generic point merge.
UnitCell cell_for(std::span<const SymmetryOperator> operators) {
  return symmetrised({71, 83, 97, 86, 104, 93}, operators);
}

TEST(Wyckoff, GenericPointsHaveTheMultiplicityAndOrbit) {
  constexpr unsigned seed = 20261126;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  for (int number = 1; number <= space_group_count; ++number) {
    const auto& operators = reference_setting(number).setting.operators;
    const UnitCell cell = cell_for(operators);
    const auto positions = wyckoff_positions(operators);
    EXPECT_EQ(positions.back().map.dimension, 3) << number;
    EXPECT_EQ(positions.back().multiplicity, static_cast<int>(operators.size())) << number;
    for (const WyckoffPosition& position : positions) {
      const std::array<double, 3> t{0.1 + 0.07 * (random() * 0x1p-32), 0.22 + 0.07 * (random() * 0x1p-32),
                                    0.37 + 0.07 * (random() * 0x1p-32)};
      const Fractional p = position.map(t);
      const SitePlacement placed = place_site(cell, operators, p);
      EXPECT_EQ(placed.multiplicity, position.multiplicity) << number;
      EXPECT_LT(placed.shift, 1e-9) << number;
      int trace = 0;
      for (const std::size_t i : placed.stabiliser) {
        const auto& r = operators[i].rotation;
        trace += r[0] + r[4] + r[8];
      }
      EXPECT_EQ(trace, position.map.dimension * static_cast<int>(placed.stabiliser.size())) << number;

      Site site;
      site.position = p;
      site.multiplicity = position.multiplicity;
      const auto atoms = atoms_of_cell(operators, std::span(&site, 1));
      const auto images = orbit(position, operators);
      ASSERT_EQ(images.size(), atoms.size()) << number;
      EXPECT_EQ(images.front(), position.map) << number;
      for (const AffineMap& image : images) {
        const Fractional q = image(t);
        const auto same = [&](const CellAtom& atom) {
          return cell.distance(q, {atom.x, atom.y, atom.z}) < 1e-6;
        };
        EXPECT_EQ(std::count_if(atoms.begin(), atoms.end(), same), 1) << number;
      }
    }
  }
}

TEST(Wyckoff, EveryPointIsOnOnePosition) {
  // Points of a grid that holds nearly all fixed points: each is on the sets of exactly one position of its
  // own multiplicity.
  constexpr unsigned seed = 7;
  std::mt19937 random(seed);
  for (int number = 1; number <= space_group_count; ++number) {
    const auto& operators = reference_setting(number).setting.operators;
    const UnitCell cell = cell_for(operators);
    std::vector<std::pair<int, std::vector<AffineMap>>> sets;
    for (const WyckoffPosition& position : wyckoff_positions(operators))
      sets.emplace_back(position.multiplicity, orbit(position, operators));
    for (int k = 0; k < 20; ++k) {
      std::array<int, 3> p;
      for (int& v : p)
        v = static_cast<int>(random() % 8) * 3;
      const int multiplicity = place_site(cell, operators, {p[0] / 24., p[1] / 24., p[2] / 24.}).multiplicity;
      int on = 0;
      for (const auto& [m, images] : sets) {
        if (m != multiplicity) continue;
        const auto holds = [&](const AffineMap& map) {
          // p = offset + sum t_d direction_d modulo 1 for some t in 1/24.
          std::array<int, 3> steps{1, 1, 1};
          for (int d = 0; d < map.dimension; ++d)
            steps[static_cast<std::size_t>(d)] = translation_denominator;
          for (int t0 = 0; t0 < steps[0]; ++t0)
            for (int t1 = 0; t1 < steps[1]; ++t1)
              for (int t2 = 0; t2 < steps[2]; ++t2) {
                bool same = true;
                for (std::size_t i = 0; i < 3; ++i)
                  same = same && (map.offset[i] + t0 * map.direction[0][i] * (map.dimension > 0) +
                                  t1 * map.direction[1][i] * (map.dimension > 1) +
                                  t2 * map.direction[2][i] * (map.dimension > 2) - p[i]) %
                                         translation_denominator ==
                                     0;
                if (same) return true;
              }
          return false;
        };
        on += std::any_of(images.begin(), images.end(), holds);
      }
      EXPECT_EQ(on, 1) << number << ": " << p[0] << " " << p[1] << " " << p[2];
    }
  }
}

}  // namespace
}  // namespace bragg::xrd
