// The number of a space group from its operators alone, in any setting: whatever cell, centring, axes and
// origin. After R. W. Grosse-Kunstleve, Acta Cryst. A55 (1999) 383: the operators are brought to a primitive
// basis, the axes of the rotations give a conventional basis for each way round that the standard setting
// could lie, and a linear system modulo the lattice says whether some shift of the origin makes them equal.
// All in integers.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <utility>

#include "kernels/base/error.h"
#include "xrd/symmetry/primitive_group.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

using Integer = std::int64_t;
using Vector = IntVector;
using Matrix = IntMatrix;

constexpr Matrix unit = unit_matrix;

/// (determinant, trace) -> count: tells the 32 crystal classes apart.
std::map<std::pair<Integer, Integer>, int> rotation_types(const PrimitiveGroup& group) {
  std::map<std::pair<Integer, Integer>, int> count;
  for (const auto& e : group.elements)
    ++count[{determinant(e.rotation), e.rotation[0][0] + e.rotation[1][1] + e.rotation[2][2]}];
  return count;
}

int order_of_trace(Integer trace) {
  switch (trace) {
    case -1:
      return 2;
    case 0:
      return 3;
    case 1:
      return 4;
    case 2:
      return 6;
    default:
      return 1;
  }
}

/// The shortest lattice vector along the axis of a proper rotation.
Vector axis_of(const Matrix& rotation) {
  const Matrix m = plus(rotation, unit, -1);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = i + 1; j < 3; ++j) {
      const Vector v = cross(m[i], m[j]);
      if (const Integer g = divisor(v); g != 0) return {v[0] / g, v[1] / g, v[2] / g};
    }
  throw Error("a rotation without an axis");
}

/// A basis of the lattice plane that a proper rotation of the given order turns within itself.
std::array<Vector, 2> plane_of(const Matrix& rotation, int order) {
  Matrix sum = unit, power = unit;
  for (int i = 1; i < order; ++i) {
    power = power * rotation;
    sum = plus(sum, power);
  }
  // sum projects on the axis; its rows are multiples of the plane's indices h: the plane is {v: h.v = 0}.
  Vector h{};
  for (const Vector& row : sum)
    if (const Integer g = divisor(row); g != 0) h = {row[0] / g, row[1] / g, row[2] / g};
  // [h . e_i | e_i] in echelon form: the rows with h.v = 0 are a basis of the plane.
  std::vector<std::array<Integer, 4>> rows;
  for (std::size_t i = 0; i < 3; ++i)
    rows.push_back({h[i], unit[i][0], unit[i][1], unit[i][2]});
  to_echelon(rows, 1);
  return {Vector{rows[1][1], rows[1][2], rows[1][3]}, Vector{rows[2][1], rows[2][2], rows[2][3]}};
}

/// a . b in the metric.
double product(const Metric& g, const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      sum += static_cast<double>(a[i]) * g[i][j] * static_cast<double>(b[j]);
  return sum;
}

/// Gauss's reduction: the shortest vector of a plane, and the shortest one out of its line; their angle is
/// not acute.
std::array<Vector, 2> shortest(std::array<Vector, 2> plane, const Metric& g) {
  constexpr double gain = 1e-9;  // ties must not go on for ever
  auto& [p, q] = plane;
  for (;;) {
    if (product(g, q, q) < product(g, p, p) * (1 - gain)) std::swap(p, q);
    const Vector next = plus(q, p, -static_cast<Integer>(std::llround(product(g, p, q) / product(g, p, p))));
    if (!(product(g, next, next) < product(g, q, q) * (1 - gain))) break;
    q = next;
  }
  if (product(g, p, q) > 0) q = negated(q);
  return plane;
}

/// Conventional bases (columns, right-handed, in the primitive basis) for every way round that the standard
/// setting can lie; those with the shortest axes in `metric` first.
std::vector<Matrix> conventional_bases(const PrimitiveGroup& group, CrystalSystem system,
                                       const Metric& metric) {
  std::array<std::vector<Matrix>, 7> turning;  // proper parts by order
  for (const auto& e : group.elements) {
    const Integer sign = determinant(e.rotation);
    Matrix proper{};
    proper = plus(proper, e.rotation, sign);
    turning[static_cast<std::size_t>(order_of_trace(proper[0][0] + proper[1][1] + proper[2][2]))].push_back(
        proper);
  }
  std::vector<Matrix> out;
  const auto add = [&](const Vector& a, const Vector& b, const Vector& c, bool flip_b = false) {
    const Matrix m = from_columns(a, b, c);
    if (determinant(m) > 0)
      out.push_back(m);
    else
      out.push_back(flip_b ? from_columns(a, negated(b), c) : from_columns(a, b, negated(c)));
  };
  const auto distinct_axes = [&](const std::vector<Matrix>& rotations) {
    std::vector<Vector> axes;
    for (const Matrix& r : rotations) {
      const Vector v = axis_of(r);
      if (std::find(axes.begin(), axes.end(), v) == axes.end() &&
          std::find(axes.begin(), axes.end(), negated(v)) == axes.end())
        axes.push_back(v);
    }
    return axes;
  };

  switch (system) {
    case CrystalSystem::triclinic:
      out.push_back(unit);
      break;
    case CrystalSystem::monoclinic: {
      // Any basis of the plane will do but for what it is modulo 2: that decides centring and glide.
      const Vector b = axis_of(turning[2].at(0));
      const auto [p, q] = shortest(plane_of(turning[2][0], 2), metric);
      const Vector r = plus(p, q);
      for (const auto& [a, c] : {std::pair(p, q), {q, p}, {p, r}, {r, p}, {q, r}, {r, q}})
        add(product(metric, a, c) > 0 ? negated(a) : a, b, c, true);
      break;
    }
    case CrystalSystem::orthorhombic: {
      auto e = distinct_axes(turning[2]);
      std::stable_sort(e.begin(), e.end(), [&](const Vector& a, const Vector& b) {
        return product(metric, a, a) < product(metric, b, b);
      });
      std::array<std::size_t, 3> order{0, 1, 2};
      do
        add(e.at(order[0]), e.at(order[1]), e.at(order[2]));
      while (std::next_permutation(order.begin(), order.end()));
      break;
    }
    case CrystalSystem::tetragonal: {
      const Matrix& r = turning[4].at(0);
      const Vector c = axis_of(r), a = shortest(plane_of(r, 4), metric)[0], b = r * a;
      add(a, b, c);
      break;
    }
    case CrystalSystem::trigonal:
    case CrystalSystem::hexagonal: {
      const Matrix& r = turning[3].at(0);
      const Vector c = axis_of(r), a = shortest(plane_of(r, 3), metric)[0], b = r * a;
      add(a, b, c);
      add(negated(a), negated(b), c);  // obverse and reverse
      break;
    }
    case CrystalSystem::cubic: {
      const auto e = distinct_axes(turning[4].empty() ? turning[2] : turning[4]);
      add(e.at(0), e.at(1), e.at(2));
      add(e.at(1), e.at(0), e.at(2));
      break;
    }
  }
  return out;
}

/// The origin (in the primitive basis) about which the operators of `group` become those of `standard` in
/// the conventional basis; empty where there is none.
std::optional<std::array<double, 3>> origin_of(const PrimitiveGroup& group, const Matrix& basis,
                                               std::span<const SymmetryOperator> standard) {
  constexpr Integer d = translation_denominator;
  const Integer volume = determinant(basis);
  const Matrix inverse = adjugate(basis);
  if (static_cast<std::size_t>(volume) * group.elements.size() != standard.size()) return std::nullopt;

  // Every centring vector of the standard setting is a lattice vector; their number is the cell's volume.
  std::map<Matrix, const SymmetryOperator*> by_rotation;
  for (const SymmetryOperator& op : standard) {
    const Matrix r = rotation_of(op);
    by_rotation.emplace(r, &op);
    if (r != unit) continue;
    for (const Integer v : basis* Vector{op.translation[0], op.translation[1], op.translation[2]})
      if (v % d != 0) return std::nullopt;
  }
  // Unknown p with t + (R - 1) p = basis t_standard modulo 1 for all R, in units of 1/(24 modulus).
  const Integer one = d * group.modulus;
  std::vector<std::array<Integer, 4>> rows;
  for (const auto& e : group.elements) {
    Matrix conventional = inverse * e.rotation * basis;
    if (!divide(conventional, volume)) return std::nullopt;
    const auto found = by_rotation.find(conventional);
    if (found == by_rotation.end()) return std::nullopt;
    const auto& t = found->second->translation;
    const Vector wanted = basis * Vector{t[0], t[1], t[2]};
    const Matrix m = plus(e.rotation, unit, -1);
    for (std::size_t i = 0; i < 3; ++i) {
      const Integer rhs = (group.modulus * wanted[i] - d * e.translation[i]) % one;
      rows.push_back({m[i][0], m[i][1], m[i][2], rhs});
    }
  }
  to_echelon(rows, 3);
  // The rows with a pivot have a solution whatever their right-hand side is; what has no pivot is free.
  std::array<double, 3> p{};
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    std::size_t pivot = 0;
    while (pivot < 3 && (*row)[pivot] == 0)
      ++pivot;
    if (pivot == 3) {
      if ((*row)[3] % one != 0) return std::nullopt;
      continue;
    }
    double known = static_cast<double>((*row)[3]) / static_cast<double>(one);
    for (std::size_t k = pivot + 1; k < 3; ++k)
      known -= static_cast<double>((*row)[k]) * p[k];
    p[pivot] = known / static_cast<double>((*row)[pivot]);
  }
  return p;
}

struct Reference {
  int number;
  std::map<std::pair<Integer, Integer>, int> types;
};

const std::vector<Reference>& references() {
  static const std::vector<Reference> list = [] {
    std::vector<Reference> out;
    for (int number = 1; number <= space_group_count; ++number) {
      out.push_back({number, rotation_types(to_primitive(reference_setting(number).setting.operators))});
    }
    return out;
  }();
  return list;
}

/// A metric that is invariant under the group.
Metric invariant_metric(const PrimitiveGroup& group) {
  Matrix sum{};
  for (const auto& e : group.elements)
    sum = plus(sum, transposed(e.rotation) * e.rotation);
  Metric out;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      out[i][j] = static_cast<double>(sum[i][j]);
  return out;
}

}  // namespace

PrimitiveGroup to_primitive(std::span<const SymmetryOperator> operators) {
  const Matrix basis = centred_basis(operators);  // in 1/24 of the cell's edges
  PrimitiveGroup out;
  out.modulus = determinant(basis);
  const Matrix inverse = adjugate(basis);
  for (const SymmetryOperator& op : operators) {
    PrimitiveGroup::Element element{
        inverse * rotation_of(op) * basis,
        inverse * Vector{op.translation[0], op.translation[1], op.translation[2]}};
    if (!divide(element.rotation, out.modulus))
      throw Error("the lattice is not invariant under the operators");
    const auto same = [&](const PrimitiveGroup::Element& other) {
      return other.rotation == element.rotation;
    };
    if (std::none_of(out.elements.begin(), out.elements.end(), same)) out.elements.push_back(element);
  }
  return out;
}

std::optional<SettingPlacement> standard_placement(const PrimitiveGroup& group, const Metric& metric) {
  const auto types = rotation_types(group);
  std::vector<Matrix> bases;
  for (const Reference& reference : references()) {
    if (reference.types != types) continue;
    if (bases.empty()) bases = conventional_bases(group, crystal_system(reference.number), metric);
    const TabulatedSetting& setting = reference_setting(reference.number);
    for (const Matrix& basis : bases)
      if (const auto origin = origin_of(group, basis, setting.setting.operators))
        return SettingPlacement{&setting, basis, *origin};
  }
  return std::nullopt;
}

std::vector<SettingPlacement> placements_on_axes(const PrimitiveGroup& group, const IntMatrix& basis,
                                                 int number) {
  std::vector<const TabulatedSetting*> settings = settings_numbered(number);
  settings.insert(settings.begin(), &reference_setting(number));
  std::vector<SettingPlacement> out;
  for (const TabulatedSetting* setting : settings)
    if (const auto origin = origin_of(group, basis, setting->setting.operators))
      out.push_back({setting, basis, *origin});
  return out;
}

int space_group_type(std::span<const SymmetryOperator> operators) {
  const PrimitiveGroup group = to_primitive(operators);
  const auto found = standard_placement(group, invariant_metric(group));
  return found ? found->setting->setting.number : 0;
}

bool differ_by_origin_only(std::span<const SymmetryOperator> a, std::span<const SymmetryOperator> b) {
  if (a.size() != b.size()) return false;
  std::map<Matrix, const SymmetryOperator*> by_rotation;
  for (const SymmetryOperator& op : b)
    by_rotation.emplace(rotation_of(op), &op);
  const Matrix basis = centred_basis(b);  // in 1/24
  const Matrix inverse = adjugate(basis);
  const Integer modulus = determinant(basis);
  // (R - 1) p = t_b - t_a modulo the lattice; in the lattice's primitive basis modulo 1.
  std::vector<std::array<Integer, 4>> rows;
  for (const SymmetryOperator& op : a) {
    const auto found = by_rotation.find(rotation_of(op));
    if (found == by_rotation.end()) return false;
    const auto& t = found->second->translation;
    const Vector difference{t[0] - op.translation[0], t[1] - op.translation[1], t[2] - op.translation[2]};
    const Vector rhs = inverse * difference;
    const Matrix m = inverse * plus(rotation_of(op), unit, -1);
    // p stays in the cell's coordinates: scaled by the modulus, the unknown does not matter for solvability.
    for (std::size_t i = 0; i < 3; ++i)
      rows.push_back({m[i][0], m[i][1], m[i][2], rhs[i]});
  }
  to_echelon(rows, 3);
  return std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
    return row[0] != 0 || row[1] != 0 || row[2] != 0 || row[3] % modulus == 0;
  });
}

}  // namespace bragg::xrd
