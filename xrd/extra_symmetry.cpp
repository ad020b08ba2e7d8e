#include "xrd/extra_symmetry.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "kernels/error.h"
#include "xrd/space_groups.h"
#include "xrd/symmetry_tables.h"

namespace bragg::xrd {
namespace {

using Basis = std::array<std::array<double, 3>, 3>;  ///< rows: vectors in the cell's basis
using Metric = std::array<std::array<double, 3>, 3>;

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
      return {{{1, 0, 0}, {0, 0.5, 0.5}, {0, -0.5, 0.5}}};
    case 'C':
      return {{{0.5, 0.5, 0}, {-0.5, 0.5, 0}, {0, 0, 1}}};
    case 'I':
      return {{{-0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0.5, 0.5, -0.5}}};
    case 'F':
      return {{{0, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 0.5, 0}}};
    case 'R':
      return {{{2 / 3., 1 / 3., 1 / 3.}, {-1 / 3., 1 / 3., 1 / 3.}, {-1 / 3., -2 / 3., 1 / 3.}}};
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

Metric metric_of(const UnitCell& cell, const Basis& basis) {
  const auto g = cell.metric();
  const Metric full{{{g[0], g[5], g[4]}, {g[5], g[1], g[3]}, {g[4], g[3], g[2]}}};
  Metric out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t l = 0; l < 3; ++l)
          out[i][j] += basis[i][k] * full[k][l] * basis[j][l];
  return out;
}

/// Shortens the basis until no vector gets shorter by another, or by the sum or difference of the two others.
void reduce(Metric& g) {
  // v_i += n v_j.
  const auto add = [&](std::size_t i, std::size_t j, double n) {
    for (std::size_t k = 0; k < 3; ++k)
      g[i][k] += n * g[j][k];
    for (std::size_t k = 0; k < 3; ++k)
      g[k][i] += n * g[k][j];
  };
  constexpr int maximum_rounds = 100;
  constexpr double gain = 1e-9;  // of a length: ties must not go on for ever
  for (int round = 0; round < maximum_rounds; ++round) {
    bool changed = false;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        if (i == j) continue;
        const double before = g[i][i], n = -std::round(g[i][j] / g[j][j]);
        if (n == 0) continue;
        const double after = before + 2 * n * g[i][j] + n * n * g[j][j];
        if (!(after < before * (1 - gain))) continue;
        add(i, j, n);
        changed = true;
      }
    if (changed) continue;
    for (std::size_t i = 0; i < 3 && !changed; ++i) {
      const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
      for (const double m : {-1., 1.})
        for (const double n : {-1., 1.}) {
          const double after =
              g[i][i] + g[j][j] + g[k][k] + 2 * (m * g[i][j] + n * g[i][k] + m * n * g[j][k]);
          if (changed || !(after < g[i][i] * (1 - gain))) continue;
          add(i, j, m);
          add(i, k, n);
          changed = true;
        }
    }
    if (!changed) return;
  }
}

/// The number of bases of the lattice with the same metric, within the tolerance: its rotations.
std::size_t count_rotations(const Metric& g, double tolerance) {
  // Between reduced bases the components are -1, 0 and 1.
  using Vector = std::array<double, 3>;
  std::array<std::array<Vector, 26>, 3> candidates;
  std::array<std::size_t, 3> count{};
  const auto product = [&](const Vector& a, const Vector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        sum += a[i] * g[i][j] * b[j];
    return sum;
  };
  const auto close = [&](double value, std::size_t i, std::size_t j) {
    return std::abs(value - g[i][j]) <= 2 * tolerance * std::sqrt(g[i][i] * g[j][j]);
  };
  for (int n = 0; n < 27; ++n) {
    if (n == 13) continue;
    const Vector v{double(n % 3 - 1), double(n / 3 % 3 - 1), double(n / 9 - 1)};
    const double squared = product(v, v);
    for (std::size_t i = 0; i < 3; ++i)
      if (close(squared, i, i)) candidates[i][count[i]++] = v;
  }
  std::size_t rotations = 0;
  for (std::size_t p = 0; p < count[0]; ++p)
    for (std::size_t q = 0; q < count[1]; ++q) {
      const auto &a = candidates[0][p], &b = candidates[1][q];
      if (!close(product(a, b), 0, 1)) continue;
      for (std::size_t r = 0; r < count[2]; ++r) {
        const auto& c = candidates[2][r];
        rotations += close(product(a, c), 0, 2) && close(product(b, c), 1, 2);
      }
    }
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
  Metric g = metric_of(cell, primitive_);
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
