#include "xrd/symmetry/lattice_axes.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

double beyond(int space_group, const UnitCell& cell) {
  return obliquity_beyond(reference_setting(space_group).setting, cell);
}

TEST(LatticeAxes, LatticesOfAHigherSystemAreOnIt) {
  EXPECT_NEAR(beyond(2, {5, 6, 7, 90, 98, 90}), 0, 1e-4);
  EXPECT_NEAR(beyond(14, {5, 6, 7, 90, 90, 90}), 0, 1e-4);
  EXPECT_NEAR(beyond(14, {5, 6, 5, 90, 103, 90}), 0, 1e-4);  // oC
  EXPECT_NEAR(beyond(21, {5, 5 * std::sqrt(3), 7, 90, 90, 90}), 0, 1e-4);
  EXPECT_NEAR(beyond(79, {5, 5, 5 * std::sqrt(2), 90, 90, 90}), 0, 1e-4);  // cF
  EXPECT_NEAR(beyond(146, {5, 5, 5 * std::sqrt(6), 90, 90, 120}), 0, 1e-4);
}

TEST(LatticeAxes, ATiltIsTheObliquityWhereItIsSmall) {
  // The row [001] and the normal of (001) miss each other by beta - 90.
  EXPECT_NEAR(beyond(14, {5, 6, 7, 90, 90.4, 90}), 0.4, 1e-3);
  EXPECT_NEAR(beyond(2, {8.58, 12.97, 7.21, 90, 116, 90.3}), 0.3, 0.05);
  // Edges that differ: the diagonal of a rectangle misses the normal of the other diagonal's rows.
  const double a = 5, b = 5.02;
  EXPECT_NEAR(beyond(16, {a, b, 7, 90, 90, 90}), std::abs(2 * std::atan(b / a) * 180 / std::numbers::pi - 90),
              1e-3);
}

TEST(LatticeAxes, AGroupsOwnAxesDoNotCount) {
  for (int number = 1; number <= space_group_count; ++number) {
    const auto& setting = reference_setting(number).setting;
    const UnitCell cell = symmetrised({5.1, 6.3, 8.7, 86, 104, 93}, setting.operators);
    const CrystalSystem system = crystal_system(number);
    // A trigonal group without rhombohedral centring has the lattice of a hexagonal one.
    const bool is_hexagonal = system == CrystalSystem::trigonal && setting.hm.front() != 'R';
    const double obliquity = beyond(number, cell);
    EXPECT_EQ(obliquity < 1, is_hexagonal) << number << ": " << obliquity;
    EXPECT_EQ(obliquity == 90, system == CrystalSystem::cubic) << number << ": " << obliquity;
  }
}

}  // namespace
}  // namespace bragg::xrd
