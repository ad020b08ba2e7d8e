#include "xrd/unit_cell.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/compare.h"

namespace bragg::xrd {
namespace {

using tests::within;

TEST(UnitCell, RightAnglesAreExact) {
  const UnitCell cell{4, 5, 6, 90, 90, 90};
  EXPECT_EQ(cell.volume(), 120);
  EXPECT_EQ(cell.metric(), (std::array<double, 6>{16, 25, 36, 0, 0, 0}));
  EXPECT_EQ(cell.reciprocal_metric(), (ReciprocalMetric{1 / 16.0, 1 / 25.0, 1 / 36.0, 0, 0, 0}));
  EXPECT_EQ(cell.d_spacing(0, 0, 3), 2);
}

TEST(UnitCell, HexagonalByHand) {
  // 1/d^2 = 4/3 (h^2 + hk + k^2) / a^2 + l^2 / c^2.
  const UnitCell cell{3, 3, 5, 90, 90, 120};
  const double expected = 1 / std::sqrt(4.0 / 3 * (4 + 2 + 1) / 9 + 9 / 25.0);
  EXPECT_TRUE(within(std::array{cell.d_spacing(2, 1, 3), cell.volume()},
                     std::array{expected, 45 * std::sqrt(3) / 2}, 1e-13));
}

TEST(UnitCell, TriclinicMetricsAreInverse) {
  const UnitCell cell{5.1, 7.3, 9.7, 83, 97, 105};
  const auto g = cell.metric();
  const auto r = cell.reciprocal_metric();
  const double G[3][3] = {{g[0], g[5], g[4]}, {g[5], g[1], g[3]}, {g[4], g[3], g[2]}};
  const double R[3][3] = {{r[0], r[5] / 2, r[4] / 2}, {r[5] / 2, r[1], r[3] / 2}, {r[4] / 2, r[3] / 2, r[2]}};
  std::vector<double> product, unit;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      product.push_back(G[i][0] * R[0][j] + G[i][1] * R[1][j] + G[i][2] * R[2][j]);
      unit.push_back(i == j);
    }
  // A dozen roundings of terms up to 2 in size.
  EXPECT_TRUE(within(product, unit, 1e-14));
  const auto s = cell.reciprocal_lengths();
  EXPECT_TRUE(within(s, std::array{std::sqrt(r[0]), std::sqrt(r[1]), std::sqrt(r[2])}, 1e-15));
}

TEST(UnitCell, ImpossibleAnglesAreSaid) {
  EXPECT_TRUE((UnitCell{5, 5, 5, 60, 60, 60}.is_possible()));
  EXPECT_FALSE((UnitCell{5, 5, 5, 60, 60, 130}.is_possible()));    // gamma > alpha + beta
  EXPECT_FALSE((UnitCell{5, 5, 5, 120, 120, 121}.is_possible()));  // the sum beyond 360
  EXPECT_FALSE((UnitCell{0, 5, 5, 90, 90, 90}.is_possible()));
  EXPECT_FALSE((UnitCell{5, 5, 5, 90, 180, 90}.is_possible()));
  EXPECT_FALSE((UnitCell{5, std::nan(""), 5, 90, 90, 90}.is_possible()));
}

TEST(UnitCell, DistanceIsTheShortestAlsoInSkewCells) {
  const UnitCell skew{10, 10, 10, 30, 30, 30};
  const auto g = skew.metric();
  const std::array<Fractional, 3> points{{{0.1, 0.2, 0.3}, {0.9, 0.4, 0.6}, {0.45, 0.95, 0.52}}};
  std::vector<double> got, expected;
  for (const Fractional& p : points)
    for (const Fractional& q : points) {
      double best = 1e300;
      for (int i = -4; i <= 4; ++i)
        for (int j = -4; j <= 4; ++j)
          for (int k = -4; k <= 4; ++k) {
            const double x = p.x - q.x + i, y = p.y - q.y + j, z = p.z - q.z + k;
            best = std::min(best, g[0] * x * x + g[1] * y * y + g[2] * z * z +
                                      2 * (g[3] * y * z + g[4] * x * z + g[5] * x * y));
          }
      got.push_back(skew.distance(p, q));
      expected.push_back(std::sqrt(best));
    }
  EXPECT_TRUE(within(got, expected, 1e-12));
}

}  // namespace
}  // namespace bragg::xrd
