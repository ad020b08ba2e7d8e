// Points with equal site symmetry form flats: points, lines, planes, space. The flats of a group are the
// fixed points of its elements and all intersections of these, and its Wyckoff positions are the classes of
// flats that the group maps onto each other (International Tables A, 1.4.4). Modulo lattice translations
// there are finitely many, each written in one way only: as {x: N x = c modulo 1}, N the Hermite normal form
// of a basis of the integer rows that vanish along the flat.
#include "xrd/symmetry/wyckoff.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/symmetry/integer_matrix.h"

namespace bragg::xrd {
namespace {

using Vector = std::array<int, 3>;
using Matrix = std::array<Vector, 3>;  ///< rows

constexpr int one = translation_denominator;  ///< enough for the points of all tabulated settings, too
constexpr Matrix unit{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

int modulo_one(int value) {
  value %= one;
  return value < 0 ? value + one : value;
}

struct Motion {
  Matrix rotation, inverse;
  Vector translation;

  explicit Motion(const SymmetryOperator& op) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j)
        rotation[i][j] = op.rotation[3 * i + j];
      translation[i] = op.translation[i];
    }
    // Of finite order: the last power before the identity is the inverse.
    inverse = unit;
    for (Matrix power = rotation; power != unit; power = power * rotation)
      inverse = power;
  }
};

/// One equation n . x + shift = 0 modulo 1.
struct Equation {
  Vector n;
  int shift;

  void subtract(const Equation& other, int factor) {
    for (std::size_t k = 0; k < 3; ++k)
      n[k] -= factor * other.n[k];
    shift = modulo_one(shift - factor * other.shift);
  }
};

/// Echelon form by integer row operations; returns the rank.
std::size_t to_echelon(std::vector<Equation>& rows) {
  std::size_t top = 0;
  for (std::size_t column = 0; column < 3 && top < rows.size(); ++column) {
    for (;;) {
      std::size_t smallest = rows.size();
      bool more = false;
      for (std::size_t i = top; i < rows.size(); ++i) {
        if (rows[i].n[column] == 0) continue;
        more = smallest < rows.size();
        if (!more || std::abs(rows[i].n[column]) < std::abs(rows[smallest].n[column])) smallest = i;
      }
      if (smallest == rows.size()) break;
      std::swap(rows[top], rows[smallest]);
      if (!more) {
        ++top;
        break;
      }
      for (std::size_t i = top + 1; i < rows.size(); ++i)
        rows[i].subtract(rows[top], rows[i].n[column] / rows[top].n[column]);
    }
  }
  return top;
}

/// {x: n . x + shift = 0 modulo 1 for every row}; the rows span all integer rows that vanish along it.
struct Flat {
  std::size_t rank = 0;
  std::array<Equation, 3> rows{};

  int dimension() const { return 3 - static_cast<int>(rank); }

  /// Hermite normal form: pivots positive, what stands above them within [0, pivot).
  void normalise() {
    std::vector<Equation> work(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(rank));
    to_echelon(work);
    for (std::size_t i = 0; i < rank; ++i) {
      std::size_t pivot = 0;
      while (work[i].n[pivot] == 0)
        ++pivot;
      if (work[i].n[pivot] < 0) {
        for (int& v : work[i].n)
          v = -v;
        work[i].shift = modulo_one(-work[i].shift);
      }
      for (std::size_t above = 0; above < i; ++above) {
        const int value = work[above].n[pivot], by = work[i].n[pivot];
        work[above].subtract(work[i], value / by - (value % by < 0));
      }
    }
    std::copy(work.begin(), work.end(), rows.begin());
  }

  auto key() const {
    std::array<int, 13> out{static_cast<int>(rank)};
    for (std::size_t i = 0; i < rank; ++i) {
      std::copy(rows[i].n.begin(), rows[i].n.end(), out.begin() + 1 + static_cast<std::ptrdiff_t>(4 * i));
      out[4 * i + 4] = rows[i].shift;
    }
    return out;
  }
  bool operator<(const Flat& other) const { return key() < other.key(); }
};

/// Unimodular V and its inverse with rows V = [L 0], L lower triangular.
struct ColumnForm {
  Matrix V = unit, inverse = unit;
  Matrix L{};  ///< the first `rank` rows

  ColumnForm(const Equation* rows, std::size_t rank) {
    for (std::size_t i = 0; i < rank; ++i)
      L[i] = rows[i].n;
    for (std::size_t i = 0; i < rank; ++i)
      for (std::size_t j = i + 1; j < 3; ++j)
        while (L[i][j] != 0) {  // Euclid on columns i and j
          add_column(i, j, -(L[i][i] / L[i][j]));
          swap_columns(i, j);
        }
  }

 private:
  /// Column `to` += factor x column `from`.
  void add_column(std::size_t to, std::size_t from, int factor) {
    for (std::size_t k = 0; k < 3; ++k) {
      L[k][to] += factor * L[k][from];
      V[k][to] += factor * V[k][from];
      inverse[from][k] -= factor * inverse[to][k];
    }
  }
  void swap_columns(std::size_t i, std::size_t j) {
    for (std::size_t k = 0; k < 3; ++k) {
      std::swap(L[k][i], L[k][j]);
      std::swap(V[k][i], V[k][j]);
    }
    std::swap(inverse[i], inverse[j]);
  }
};

/// All flats that solve the equations: none, one, or several side by side.
void solve(std::vector<Equation>& equations, std::vector<Flat>& out) {
  const std::size_t rank = to_echelon(equations);
  for (std::size_t i = rank; i < equations.size(); ++i)
    if (equations[i].shift != 0) return;
  const ColumnForm form(equations.data(), rank);
  // With y = V^-1 x the equations are L y + shift = 0 modulo 1, one after the other.
  Flat flat;
  flat.rank = rank;
  const auto descend = [&](const auto& self, std::size_t i) -> void {
    if (i == rank) {
      Flat found = flat;
      found.normalise();
      out.push_back(found);
      return;
    }
    const int pivot = std::abs(form.L[i][i]), sign = form.L[i][i] < 0 ? -1 : 1;
    int known = equations[i].shift;
    for (std::size_t k = 0; k < i; ++k)
      known -= form.L[i][k] * flat.rows[k].shift;
    known *= sign;
    for (int n = 0; n < pivot; ++n) {
      // y_i = -shift_i.
      const int scaled = known + n * one;
      if (scaled % pivot != 0)
        throw Error(fmt::format("a special position at {}/{}, which is no multiple of 1/{}", scaled,
                                one * pivot, one));
      flat.rows[i] = {form.inverse[i], modulo_one(scaled / pivot)};
      self(self, i + 1);
    }
  };
  descend(descend, 0);
}

/// What stays where it is, modulo lattice translations.
void fixed_by(const Motion& motion, std::vector<Flat>& out) {
  std::vector<Equation> equations;
  for (std::size_t i = 0; i < 3; ++i) {
    Equation row{motion.rotation[i], motion.translation[i]};
    row.n[i] -= 1;
    equations.push_back(row);
  }
  solve(equations, out);
}

void intersect(const Flat& a, const Flat& b, std::vector<Flat>& out) {
  std::vector<Equation> equations(a.rows.begin(), a.rows.begin() + static_cast<std::ptrdiff_t>(a.rank));
  equations.insert(equations.end(), b.rows.begin(), b.rows.begin() + static_cast<std::ptrdiff_t>(b.rank));
  solve(equations, out);
}

/// n . x + shift with x = R^-1 (x' - t) is n R^-1 . x' + shift - n R^-1 . t.
Flat image(const Flat& flat, const Motion& motion) {
  Flat out;
  out.rank = flat.rank;
  for (std::size_t i = 0; i < flat.rank; ++i) {
    Vector n{};
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        n[j] += flat.rows[i].n[k] * motion.inverse[k][j];
    out.rows[i] = {n, modulo_one(flat.rows[i].shift - dot(n, motion.translation))};
  }
  out.normalise();
  return out;
}

AffineMap map_of(const Flat& flat) {
  const ColumnForm form(flat.rows.data(), flat.rank);
  AffineMap map;
  map.dimension = flat.dimension();
  // L y + shift = 0 and |L_ii| = 1: the rows of a flat span all that vanish along it.
  Vector y{};
  for (std::size_t i = 0; i < flat.rank; ++i) {
    int value = -flat.rows[i].shift;
    for (std::size_t k = 0; k < i; ++k)
      value -= form.L[i][k] * y[k];
    y[i] = value * form.L[i][i];
  }
  for (std::size_t i = 0; i < 3; ++i) {
    map.offset[i] = modulo_one(dot(form.V[i], y));
    for (std::size_t d = flat.rank; d < 3; ++d)
      map.direction[d - flat.rank][i] = form.V[i][d];
  }
  return map;
}

AffineMap image(const AffineMap& map, const Motion& motion) {
  AffineMap out;
  out.dimension = map.dimension;
  out.offset = motion.rotation * map.offset;
  for (std::size_t i = 0; i < 3; ++i) {
    out.offset[i] = modulo_one(out.offset[i] + motion.translation[i]);
    out.direction[i] = motion.rotation * map.direction[i];
  }
  return out;
}

std::vector<Motion> motions_of(std::span<const SymmetryOperator> operators) {
  return {operators.begin(), operators.end()};
}

}  // namespace

Fractional AffineMap::operator()(const std::array<double, 3>& t) const {
  std::array<double, 3> p;
  for (std::size_t i = 0; i < 3; ++i) {
    p[i] = offset[i] / double{one};
    for (std::size_t d = 0; d < static_cast<std::size_t>(dimension); ++d)
      p[i] += t[d] * direction[d][i];
  }
  return {p[0], p[1], p[2]};
}

std::vector<WyckoffPosition> wyckoff_positions(std::span<const SymmetryOperator> operators) {
  const std::vector<Motion> motions = motions_of(operators);
  std::vector<Flat> elementary;
  for (const Motion& motion : motions)
    fixed_by(motion, elementary);
  std::sort(elementary.begin(), elementary.end());
  const auto same = [](const Flat& a, const Flat& b) { return a.key() == b.key(); };
  elementary.erase(std::unique(elementary.begin(), elementary.end(), same), elementary.end());

  // An intersection of elementary flats, up to the group: one of a representative with an elementary flat.
  std::vector<Flat> representatives{Flat{}};
  std::set<Flat> seen{Flat{}};
  std::vector<Flat> found;
  for (std::size_t r = 0; r < representatives.size(); ++r)
    for (const Flat& flat : elementary) {
      found.clear();
      intersect(representatives[r], flat, found);
      for (const Flat& next : found) {
        if (seen.contains(next)) continue;
        Flat least = next;
        for (const Motion& motion : motions) {
          const Flat equivalent = image(next, motion);
          if (seen.insert(equivalent).second && equivalent < least) least = equivalent;
        }
        representatives.push_back(least);
      }
    }

  std::vector<WyckoffPosition> out;
  for (const Flat& flat : representatives) {
    const AffineMap map = map_of(flat);
    const auto stabiliser = std::count_if(motions.begin(), motions.end(),
                                          [&](const Motion& motion) { return image(map, motion) == map; });
    out.push_back({static_cast<int>(static_cast<std::ptrdiff_t>(operators.size()) / stabiliser), map});
  }
  std::sort(out.begin(), out.end(), [](const WyckoffPosition& a, const WyckoffPosition& b) {
    return std::tie(a.multiplicity, a.map.dimension, a.map.offset, a.map.direction) <
           std::tie(b.multiplicity, b.map.dimension, b.map.offset, b.map.direction);
  });
  return out;
}

std::vector<AffineMap> orbit(const WyckoffPosition& position, std::span<const SymmetryOperator> operators) {
  std::vector<AffineMap> out{position.map};
  for (const Motion& motion : motions_of(operators)) {
    const AffineMap next = image(position.map, motion);
    if (std::find(out.begin(), out.end(), next) == out.end()) out.push_back(next);
  }
  return out;
}

}  // namespace bragg::xrd
