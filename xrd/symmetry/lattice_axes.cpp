#include "xrd/symmetry/lattice_axes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "xrd/symmetry/lattice_reduction.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::xrd {
namespace {

constexpr double nothing_above = 90;  // degrees: a cubic lattice
/// Rows and nets of a reduced basis that can be an axis and its plane have no larger indices (Le Page).
constexpr std::int64_t largest_index = 2;

/// Two-fold axes of the lattices of a system, of those with the fewest: a trigonal one may be rhombohedral.
std::size_t own_axes(CrystalSystem system) {
  switch (system) {
    case CrystalSystem::triclinic:
      return 0;
    case CrystalSystem::monoclinic:
      return 1;
    case CrystalSystem::orthorhombic:
    case CrystalSystem::trigonal:
      return 3;
    case CrystalSystem::tetragonal:
      return 5;
    case CrystalSystem::hexagonal:
      return 7;
    case CrystalSystem::cubic:
      break;
  }
  return 9;
}

/// Each direction once: of v and -v the one whose first component that is not 0 is positive.
std::vector<IntVector> directions() {
  std::vector<IntVector> result;
  for (std::int64_t x = 0; x <= largest_index; ++x)
    for (std::int64_t y = -largest_index; y <= largest_index; ++y)
      for (std::int64_t z = -largest_index; z <= largest_index; ++z) {
        const bool is_first = x > 0 || (x == 0 && (y > 0 || (y == 0 && z > 0)));
        if (is_first && divisor({x, y, z}) == 1) result.push_back({x, y, z});
      }
  return result;
}

double quadratic(const Metric& g, const IntVector& v) {
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      sum += static_cast<double>(v[i] * v[j]) * g[i][j];
  return sum;
}

Metric inverse(const Metric& g) {
  Metric out{};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t i1 = (i + 1) % 3, i2 = (i + 2) % 3;
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t j1 = (j + 1) % 3, j2 = (j + 2) % 3;
      out[j][i] = g[i1][j1] * g[i2][j2] - g[i1][j2] * g[i2][j1];
    }
  }
  const double determinant = g[0][0] * out[0][0] + g[0][1] * out[1][0] + g[0][2] * out[2][0];
  for (auto& row : out)
    for (double& v : row)
      v /= determinant;
  return out;
}

}  // namespace

double obliquity_beyond(const SpaceGroupSetting& group, const UnitCell& cell) {
  const CrystalSystem system = crystal_system(group.number);
  if (system == CrystalSystem::cubic) return nothing_above;
  Metric direct = metric_of(full_metric(cell), centred_basis(group.operators));
  reduce(direct);
  const Metric reciprocal = inverse(direct);

  static const std::vector<IntVector> rows = directions();
  std::vector<double> net_squared;
  for (const IntVector& net : rows)
    net_squared.push_back(quadratic(reciprocal, net));
  std::vector<double> obliquity;
  for (const IntVector& row : rows) {
    // 1/cos^2 of the angle between row and normal is |row|^2 |net|^2 / (row . net)^2, which is 1 or 2 for an axis.
    const double row_squared = quadratic(direct, row);
    double nearest = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int64_t product = dot(row, rows[i]);
      if (product * product != 1 && product * product != 4) continue;
      nearest = std::max(nearest, static_cast<double>(product * product) / (row_squared * net_squared[i]));
    }
    obliquity.push_back(std::acos(std::min(1.0, std::sqrt(nearest))) * 180 / std::numbers::pi);
  }
  const auto own = static_cast<std::ptrdiff_t>(own_axes(system));
  const auto first_beyond = obliquity.begin() + own;
  std::nth_element(obliquity.begin(), first_beyond, obliquity.end());
  return *first_beyond;
}

}  // namespace bragg::xrd
