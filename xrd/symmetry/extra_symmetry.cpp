#include "xrd/symmetry/extra_symmetry.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/lattice_reduction.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

using Basis = std::array<std::array<double, 3>, 3>;  ///< columns: vectors in the cell's basis

/// The symmorphic group of the whole symmetry of the lattice, in a setting with the same axes.
int holohedral_group(int number, char centring) {
  switch (crystal_system(number)) {
    case CrystalSystem::triclinic:
      return 2;
    case CrystalSystem::monoclinic:
      return 10;
    case CrystalSystem::orthorhombic:
      return 47;
    case CrystalSystem::tetragonal:
      return 123;
    case CrystalSystem::trigonal:
    case CrystalSystem::hexagonal:
      return centring == 'R' ? 166 : 191;
    case CrystalSystem::cubic:
      break;
  }
  return 221;
}

Basis primitive_basis(char centring) {
  switch (centring) {
    case 'P':
      return {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    case 'A':
      return {{{1, 0, 0}, {0, 0.5, -0.5}, {0, 0.5, 0.5}}};
    case 'C':
      return {{{0.5, -0.5, 0}, {0.5, 0.5, 0}, {0, 0, 1}}};
    case 'I':
      return {{{-0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0.5, 0.5, -0.5}}};
    case 'F':
      return {{{0, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 0.5, 0}}};
    case 'R':
      return {{{2 / 3., -1 / 3., -1 / 3.}, {1 / 3., 1 / 3., -2 / 3.}, {1 / 3., 1 / 3., 1 / 3.}}};
    default:
      throw Error(fmt::format("no primitive basis for the lattice letter '{}'", centring));
  }
}

std::vector<std::array<std::int8_t, 9>> distinct_rotations(std::span<const SymmetryOperator> operators) {
  std::vector<std::array<std::int8_t, 9>> out;
  for (const SymmetryOperator& op : operators)
    if (std::find(out.begin(), out.end(), op.rotation) == out.end()) out.push_back(op.rotation);
  return out;
}

/// The number of bases of the lattice with the same metric, within the tolerance: its rotations.
std::size_t count_rotations(const Metric& g, double tolerance) {
  const auto close = [&](double value, std::size_t i, std::size_t j) {
    return std::abs(value - g[i][j]) <= 2 * tolerance * std::sqrt(g[i][i] * g[j][j]);
  };
  std::size_t rotations = 0;
  visit_lattice_rotations(
      g, [&](double squared, std::size_t i) { return close(squared, i, i); },
      [&](double product, double, double, std::size_t i, std::size_t j) { return close(product, i, j); },
      [&](const IntMatrix&) { ++rotations; });
  return rotations;
}

}  // namespace

ExtraSymmetry::ExtraSymmetry(const SpaceGroupSetting& standard)
    : primitive_(primitive_basis(standard.hm.at(0))) {
  const int whole = holohedral_group(standard.number, standard.hm[0]);
  const auto lattice = distinct_rotations(reference_setting(whole).setting.operators);
  const auto own = distinct_rotations(standard.operators);
  holohedry_ = lattice.size();
  std::vector<std::array<std::int8_t, 9>> covered;
  for (const auto& rotation : lattice) {
    if (std::find(covered.begin(), covered.end(), rotation) != covered.end()) continue;
    // The coset rotation x own; that of the identity comes first and is the group's.
    rotations_.push_back(rotation);
    for (const auto& r : own)
      covered.push_back((SymmetryOperator{rotation, {}} * SymmetryOperator{r, {}}).rotation);
  }
  for (const SymmetryOperator& op : standard.operators)
    if (op.rotation == standard.operators.front().rotation) centring_.push_back(op.translation);
}

bool ExtraSymmetry::lattice_is_special(const UnitCell& cell, double tolerance) const {
  if (holohedry_ >= 24) return false;  // hexagonal and cubic: nothing is above them
  Metric g = metric_of(full_metric(cell), primitive_);
  reduce(g);
  return count_rotations(g, tolerance) != holohedry_;
}

bool ExtraSymmetry::found(const UnitCell& cell, std::span<const CellPoint> atoms, int kinds,
                          double tolerance) const {
  if (atoms.empty()) return true;
  // By kind, the rarest first: what is tried least often, and what fails first.
  std::vector<int> count(static_cast<std::size_t>(kinds)), order(count.size());
  for (const CellPoint& atom : atoms)
    ++count[static_cast<std::size_t>(atom.kind)];
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return count[static_cast<std::size_t>(a)] < count[static_cast<std::size_t>(b)];
  });
  std::vector<CellPoint> points;
  points.reserve(atoms.size());
  for (const int kind : order)
    std::copy_if(atoms.begin(), atoms.end(), std::back_inserter(points),
                 [&](const CellPoint& atom) { return atom.kind == kind; });

  // A vector of length r has |fractional coordinate i| <= r a*_i.
  const auto reciprocal = cell.reciprocal_lengths();
  const auto reach_x = static_cast<float>(tolerance * reciprocal[0]),
             reach_y = static_cast<float>(tolerance * reciprocal[1]),
             reach_z = static_cast<float>(tolerance * reciprocal[2]);
  const auto near = [&](float x, float y, float z) {
    return std::abs(nearest_image(x)) <= reach_x && std::abs(nearest_image(y)) <= reach_y &&
           std::abs(nearest_image(z)) <= reach_z;
  };
  const auto turned = [](const std::array<std::int8_t, 9>& r, const CellPoint& p) {
    return CellPoint{r[0] * p.x + r[1] * p.y + r[2] * p.z, r[3] * p.x + r[4] * p.y + r[5] * p.z,
                     r[6] * p.x + r[7] * p.y + r[8] * p.z, p.kind};
  };
  const auto maps_all = [&](const std::array<std::int8_t, 9>& rotation, float wx, float wy, float wz) {
    for (auto begin = points.begin(); begin != points.end();) {
      const auto end =
          std::find_if(begin, points.end(), [&](const CellPoint& p) { return p.kind != begin->kind; });
      for (auto p = begin; p != end; ++p) {
        const CellPoint q = turned(rotation, *p);
        const auto onto = [&](const CellPoint& r) {
          return near(q.x + wx - r.x, q.y + wy - r.y, q.z + wz - r.z);
        };
        if (std::none_of(begin, end, onto)) return false;
      }
      begin = end;
    }
    return true;
  };

  const CellPoint& first = points.front();
  for (const auto& rotation : rotations_) {
    const CellPoint image = turned(rotation, first);
    for (const CellPoint& target : points) {
      if (target.kind != first.kind) break;
      const float wx = target.x - image.x, wy = target.y - image.y, wz = target.z - image.z;
      const auto is_own = [&](const std::array<std::int8_t, 3>& t) {
        constexpr float denominator = translation_denominator;
        return near(wx - t[0] / denominator, wy - t[1] / denominator, wz - t[2] / denominator);
      };
      if (&rotation == &rotations_.front() && std::any_of(centring_.begin(), centring_.end(), is_own))
        continue;
      if (maps_all(rotation, wx, wy, wz)) return true;
    }
  }
  return false;
}

}  // namespace bragg::xrd
