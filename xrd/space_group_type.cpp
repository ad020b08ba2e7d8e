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
#include <numeric>
#include <utility>

#include "kernels/error.h"
#include "xrd/integer_matrix.h"
#include "xrd/space_groups.h"
#include "xrd/symmetry_tables.h"

namespace bragg::xrd {
namespace {

using Integer = std::int64_t;
using Vector = std::array<Integer, 3>;
using Matrix = std::array<Vector, 3>;  ///< rows

constexpr Matrix unit{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

Matrix plus(Matrix a, const Matrix& b, Integer factor = 1) {
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      a[i][j] += factor * b[i][j];
  return a;
}

Vector plus(Vector a, const Vector& b, Integer factor = 1) {
  for (std::size_t i = 0; i < 3; ++i)
    a[i] += factor * b[i];
  return a;
}

Vector negated(const Vector& v) {
  return {-v[0], -v[1], -v[2]};
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Integer determinant(const Matrix& m) {
  return dot(m[0], cross(m[1], m[2]));
}

Matrix transposed(const Matrix& m) {
  Matrix out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      out[j][i] = m[i][j];
  return out;
}

/// m^-1 det(m).
Matrix adjugate(const Matrix& m) {
  return transposed({cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])});
}

Matrix from_columns(const Vector& a, const Vector& b, const Vector& c) {
  return transposed({a, b, c});
}

Integer divisor(const Vector& v) {
  return std::gcd(std::gcd(v[0], v[1]), v[2]);
}

/// Exact quotient of a matrix; false where it is not integral.
bool divide(Matrix& m, Integer by) {
  for (Vector& row : m)
    for (Integer& v : row) {
      if (v % by != 0) return false;
      v /= by;
    }
  return true;
}

Matrix rotation_of(const SymmetryOperator& op) {
  Matrix r;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      r[i][j] = op.rotation[3 * i + j];
  return r;
}

/// Echelon form by integer row operations; every row carries right-hand sides along.
template <std::size_t Columns>
void to_echelon(std::vector<std::array<Integer, Columns>>& rows, std::size_t pivots) {
  std::size_t top = 0;
  for (std::size_t column = 0; column < pivots; ++column) {
    for (;;) {
      std::size_t smallest = rows.size();
      for (std::size_t i = top; i < rows.size(); ++i)
        if (rows[i][column] != 0 &&
            (smallest == rows.size() || std::abs(rows[i][column]) < std::abs(rows[smallest][column])))
          smallest = i;
      if (smallest == rows.size()) break;
      std::swap(rows[top], rows[smallest]);
      bool done = true;
      for (std::size_t i = top + 1; i < rows.size(); ++i) {
        const Integer q = rows[i][column] / rows[top][column];
        if (q != 0)
          for (std::size_t k = 0; k < Columns; ++k)
            rows[i][k] -= q * rows[top][k];
        done = done && rows[i][column] == 0;
      }
      if (done) {
        ++top;
        break;
      }
    }
  }
}

/// Operators in a primitive basis of their lattice, one for each rotation. translation is in 1/modulus.
struct PrimitiveGroup {
  struct Element {
    Matrix rotation;
    Vector translation;
  };
  std::vector<Element> elements;
  Integer modulus = 1;
};

PrimitiveGroup to_primitive(std::span<const SymmetryOperator> operators) {
  constexpr Integer d = translation_denominator;
  std::vector<Vector> lattice{{d, 0, 0}, {0, d, 0}, {0, 0, d}};
  for (const SymmetryOperator& op : operators)
    if (rotation_of(op) == unit) lattice.push_back({op.translation[0], op.translation[1], op.translation[2]});
  to_echelon(lattice, 3);
  Matrix basis = from_columns(lattice[0], lattice[1], lattice[2]);  // in 1/24 of the cell's edges
  PrimitiveGroup out;
  out.modulus = determinant(basis);
  if (out.modulus < 0) {
    basis = from_columns(lattice[0], lattice[1], negated(lattice[2]));
    out.modulus = -out.modulus;
  }
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

/// The shortest vector of a plane in the metric that is invariant under the group (Gauss's reduction).
Vector shortest(std::array<Vector, 2> plane, const PrimitiveGroup& group) {
  Matrix metric{};
  for (const auto& e : group.elements)
    metric = plus(metric, transposed(e.rotation) * e.rotation);
  const auto product = [&](const Vector& a, const Vector& b) { return dot(a, metric * b); };
  auto& [p, q] = plane;
  for (;;) {
    if (product(p, p) > product(q, q)) std::swap(p, q);
    const double ratio = static_cast<double>(product(p, q)) / static_cast<double>(product(p, p));
    const Integer n = static_cast<Integer>(std::llround(ratio));
    if (n == 0) return p;
    const Vector next = plus(q, p, -n);
    if (product(next, next) >= product(q, q)) return p;
    q = next;
  }
}

/// Conventional bases (columns, right-handed, in the primitive basis) for every way round that the standard
/// setting can lie.
std::vector<Matrix> conventional_bases(const PrimitiveGroup& group, CrystalSystem system) {
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
      const auto [p, q] = plane_of(turning[2][0], 2);
      const Vector r = plus(p, q);
      for (const auto& [a, c] : {std::pair(p, q), {q, p}, {p, r}, {r, p}, {q, r}, {r, q}})
        add(a, b, c, true);
      break;
    }
    case CrystalSystem::orthorhombic: {
      const auto e = distinct_axes(turning[2]);
      std::array<std::size_t, 3> order{0, 1, 2};
      do
        add(e.at(order[0]), e.at(order[1]), e.at(order[2]));
      while (std::next_permutation(order.begin(), order.end()));
      break;
    }
    case CrystalSystem::tetragonal: {
      const Matrix& r = turning[4].at(0);
      const Vector c = axis_of(r), a = shortest(plane_of(r, 4), group), b = r * a;
      add(a, b, c);
      break;
    }
    case CrystalSystem::trigonal:
    case CrystalSystem::hexagonal: {
      const Matrix& r = turning[3].at(0);
      const Vector c = axis_of(r), a = shortest(plane_of(r, 3), group), b = r * a;
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

/// Whether the operators of `group` become those of `standard` in the conventional basis with some origin.
bool is_setting_of(const PrimitiveGroup& group, const Matrix& basis,
                   std::span<const SymmetryOperator> standard) {
  constexpr Integer d = translation_denominator;
  const Integer volume = determinant(basis);
  const Matrix inverse = adjugate(basis);
  if (static_cast<std::size_t>(volume) * group.elements.size() != standard.size()) return false;

  // Every centring vector of the standard setting is a lattice vector; their number is the cell's volume.
  std::map<Matrix, const SymmetryOperator*> by_rotation;
  for (const SymmetryOperator& op : standard) {
    const Matrix r = rotation_of(op);
    by_rotation.emplace(r, &op);
    if (r != unit) continue;
    for (const Integer v : basis* Vector{op.translation[0], op.translation[1], op.translation[2]})
      if (v % d != 0) return false;
  }
  // Unknown p with t + (R - 1) p = basis t_standard modulo 1 for all R, in units of 1/(24 modulus).
  const Integer one = d * group.modulus;
  std::vector<std::array<Integer, 4>> rows;
  for (const auto& e : group.elements) {
    Matrix conventional = inverse * e.rotation * basis;
    if (!divide(conventional, volume)) return false;
    const auto found = by_rotation.find(conventional);
    if (found == by_rotation.end()) return false;
    const auto& t = found->second->translation;
    const Vector wanted = basis * Vector{t[0], t[1], t[2]};
    const Matrix m = plus(e.rotation, unit, -1);
    for (std::size_t i = 0; i < 3; ++i) {
      const Integer rhs = (group.modulus * wanted[i] - d * e.translation[i]) % one;
      rows.push_back({m[i][0], m[i][1], m[i][2], rhs});
    }
  }
  to_echelon(rows, 3);
  // The rows with a pivot have a solution whatever their right-hand side is.
  return std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
    return row[0] != 0 || row[1] != 0 || row[2] != 0 || row[3] % one == 0;
  });
}

struct Reference {
  int number;
  std::map<std::pair<Integer, Integer>, int> types;
  std::span<const SymmetryOperator> operators;
};

const std::vector<Reference>& references() {
  static const std::vector<Reference> list = [] {
    std::vector<Reference> out;
    for (int number = 1; number <= space_group_count; ++number) {
      const auto& operators = reference_setting(number).setting.operators;
      out.push_back({number, rotation_types(to_primitive(operators)), operators});
    }
    return out;
  }();
  return list;
}

}  // namespace

int space_group_type(std::span<const SymmetryOperator> operators) {
  const PrimitiveGroup group = to_primitive(operators);
  const auto types = rotation_types(group);
  std::vector<Matrix> bases;
  for (const Reference& reference : references()) {
    if (reference.types != types) continue;
    if (bases.empty()) bases = conventional_bases(group, crystal_system(reference.number));
    for (const Matrix& basis : bases)
      if (is_setting_of(group, basis, reference.operators)) return reference.number;
  }
  return 0;
}

bool differ_by_origin_only(std::span<const SymmetryOperator> a, std::span<const SymmetryOperator> b) {
  constexpr Integer d = translation_denominator;
  if (a.size() != b.size()) return false;
  std::map<Matrix, const SymmetryOperator*> by_rotation;
  std::vector<Vector> lattice{{d, 0, 0}, {0, d, 0}, {0, 0, d}}, other = lattice;
  for (const SymmetryOperator& op : b) {
    by_rotation.emplace(rotation_of(op), &op);
    if (rotation_of(op) == unit) lattice.push_back({op.translation[0], op.translation[1], op.translation[2]});
  }
  to_echelon(lattice, 3);
  const Matrix basis = from_columns(lattice[0], lattice[1], lattice[2]);  // in 1/24
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
