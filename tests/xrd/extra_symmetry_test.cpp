// Symmetry beyond a group's: special lattices, and atoms that more operators map onto each other. Also the
// fast search for contacts. Whole crystals are checked against spglib in tests/data/spglib_test.cpp.
#include "xrd/symmetry/extra_symmetry.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "xrd/close_contacts.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

constexpr double margin = 0.01, tolerance = 0.1;

ExtraSymmetry of(int space_group) {
  return ExtraSymmetry(reference_setting(space_group).setting);
}

TEST(ExtraSymmetry, LatticesOfNoSpecialMetricPass) {
  for (int number = 1; number <= space_group_count; ++number) {
    const auto& setting = reference_setting(number).setting;
    const UnitCell cell = symmetrised({5.1, 6.3, 8.7, 86, 104, 93}, setting.operators);
    EXPECT_FALSE(ExtraSymmetry(setting).lattice_is_special(cell, margin)) << number;
  }
}

TEST(ExtraSymmetry, LatticesOfSpecialMetricAreSeen) {
  const double degree = std::acos(-1.0) / 180;
  EXPECT_TRUE(of(1).lattice_is_special({5, 6, 7, 90, 98, 90}, margin));       // monoclinic
  EXPECT_TRUE(of(2).lattice_is_special({5, 5.02, 7, 80, 80.2, 95}, margin));  // C-centred
  EXPECT_TRUE(of(14).lattice_is_special({5, 6, 7, 90, 90.3, 90}, margin));
  EXPECT_TRUE(of(14).lattice_is_special({5, 6, 5.01, 90, 103, 90}, margin));  // oC
  // The oblique axis ends above the middle of the other one.
  EXPECT_TRUE(of(14).lattice_is_special({5, 6, 7, 90, std::acos(-2.5 / 7) / degree, 90}, margin));
  EXPECT_TRUE(of(16).lattice_is_special({5, 5.03, 7, 90, 90, 90}, margin));
  EXPECT_TRUE(of(16).lattice_is_special({5, 7, 7.05, 90, 90, 90}, margin));
  EXPECT_TRUE(of(21).lattice_is_special({5, 5 * std::sqrt(3), 7, 90, 90, 90}, margin));   // hexagonal
  EXPECT_FALSE(of(16).lattice_is_special({5, 5 * std::sqrt(3), 7, 90, 90, 90}, margin));  // primitive: not
  EXPECT_TRUE(of(75).lattice_is_special({5, 5, 5.02, 90, 90, 90}, margin));
  EXPECT_TRUE(of(79).lattice_is_special({5, 5, 5 * std::sqrt(2), 90, 90, 90}, margin));  // cF
  EXPECT_FALSE(of(75).lattice_is_special({5, 5, 5 * std::sqrt(2), 90, 90, 90}, margin));
  for (const double c_a : {std::sqrt(6) / 2, std::sqrt(6) / 4, std::sqrt(6)})  // cP, cI, cF
    EXPECT_TRUE(of(146).lattice_is_special({5, 5, 5 * c_a, 90, 90, 120}, margin)) << c_a;
  EXPECT_FALSE(of(143).lattice_is_special({5, 5, 5 * std::sqrt(6), 90, 90, 120}, margin));
  // A rhombohedral lattice on C-centred monoclinic axes: a = a_h sqrt 3, b = a_h, c to the layer above.
  const double a_h = 5, c_h = 13, a = a_h * std::sqrt(3), along = a / 3, up = c_h / 3;
  const double c = std::sqrt(along * along + up * up), beta = 180 - std::atan2(up, along) / degree;
  EXPECT_TRUE(of(5).lattice_is_special({a, a_h, c, 90, beta, 90}, margin));
  EXPECT_FALSE(of(5).lattice_is_special({a, 1.05 * a_h, c, 90, beta, 90}, margin));
}

TEST(ExtraSymmetry, AtomsOfMoreSymmetry) {
  const UnitCell cube{5, 5, 5, 90, 90, 90};
  const std::vector<CellPoint> one{{0, 0, 0, 0}};
  EXPECT_TRUE(of(195).found(cube, one, 1, tolerance));  // P23 with an atom at the origin is Pm-3m
  EXPECT_FALSE(of(221).found(cube, one, 1, tolerance));
  // CsCl, and with equal atoms a body-centred lattice.
  EXPECT_FALSE(
      of(221).found(cube, std::vector<CellPoint>{{0, 0, 0, 0}, {0.5f, 0.5f, 0.5f, 1}}, 2, tolerance));
  EXPECT_TRUE(of(221).found(cube, std::vector<CellPoint>{{0, 0, 0, 0}, {0.5f, 0.5f, 0.5f, 0}}, 1, tolerance));
  EXPECT_FALSE(
      of(229).found(cube, std::vector<CellPoint>{{0, 0, 0, 0}, {0.5f, 0.5f, 0.5f, 0}}, 1, tolerance));
  // P1: two atoms of a kind have an inversion between them, three of different kinds have none.
  const UnitCell box{5.1, 6.3, 8.7, 86, 104, 93};
  const std::vector<CellPoint> pair{{0.1f, 0.2f, 0.3f, 0}, {0.6f, 0.4f, 0.8f, 0}};
  EXPECT_TRUE(of(1).found(box, pair, 1, tolerance));
  std::vector<CellPoint> three = pair;
  three.push_back({0.3f, 0.9f, 0.5f, 1});
  EXPECT_FALSE(of(1).found(box, three, 2, tolerance));
  three.back() = {0.35f, 0.3f, 0.55f, 1};  // half-way between the pair
  EXPECT_TRUE(of(1).found(box, three, 2, tolerance));
  three.back().x += 0.005f;  // 0.03 A off
  EXPECT_TRUE(of(1).found(box, three, 2, tolerance));
  three.back().x += 0.095f;
  EXPECT_FALSE(of(1).found(box, three, 2, tolerance));
}

TEST(CloseContacts, AgreesWithTheDistanceOfTheCell) {
  std::mt19937 random(11);
  const auto uniform = [&] { return static_cast<float>(random() * 0x1p-32); };
  int touching = 0, free = 0;
  for (const UnitCell& cell : {UnitCell{12, 13, 14, 90, 90, 90}, UnitCell{3, 4, 5, 75, 110, 64},
                               UnitCell{2.5, 2.5, 30, 90, 90, 120}, UnitCell{9, 4, 4, 60, 60, 60}}) {
    const CloseContacts contacts(cell, 6);
    for (int k = 0; k < 500; ++k) {
      const float p[3] = {uniform() - 0.5f, uniform(), uniform() - 0.5f};
      const float q[3] = {uniform(), uniform() - 0.5f, uniform()};
      const float radius = 0.2f + uniform(), other = 0.2f + 1.5f * uniform();
      const double distance = cell.distance({p[0], p[1], p[2]}, {q[0], q[1], q[2]});
      if (std::abs(distance - (radius + other)) < 1e-4) continue;
      const bool expected = distance < radius + other;
      (expected ? touching : free) += 1;
      EXPECT_EQ(contacts.touches(
                    p[0], p[1], p[2], radius,
                    {std::span(&q[0], 1), std::span(&q[1], 1), std::span(&q[2], 1), std::span(&other, 1)}),
                expected)
          << cell.a << ": " << distance << " " << radius + other;
    }
  }
  EXPECT_GT(touching, 100);
  EXPECT_GT(free, 100);
  const CloseContacts contacts({3, 4, 5, 90, 90, 90}, 6);
  EXPECT_TRUE(contacts.lattice_touches(1.51f));
  EXPECT_FALSE(contacts.lattice_touches(1.49f));
}

}  // namespace
}  // namespace bragg::xrd
