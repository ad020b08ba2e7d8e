// Algebra of integer matrices: lattices given by integer bases, and what turns them into each other.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "xrd/symmetry/integer_matrix.h"
#include "xrd/symmetry/symmetry.h"

namespace bragg::xrd {

using IntVector = std::array<std::int64_t, 3>;
using IntMatrix = std::array<IntVector, 3>;  ///< rows

inline constexpr IntMatrix unit_matrix{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

constexpr IntMatrix plus(IntMatrix a, const IntMatrix& b, std::int64_t factor = 1) {
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      a[i][j] += factor * b[i][j];
  return a;
}

constexpr IntVector plus(IntVector a, const IntVector& b, std::int64_t factor = 1) {
  for (std::size_t i = 0; i < 3; ++i)
    a[i] += factor * b[i];
  return a;
}

constexpr IntVector negated(const IntVector& v) {
  return {-v[0], -v[1], -v[2]};
}

constexpr IntVector cross(const IntVector& a, const IntVector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

constexpr std::int64_t determinant(const IntMatrix& m) {
  return dot(m[0], cross(m[1], m[2]));
}

constexpr IntMatrix transposed(const IntMatrix& m) {
  IntMatrix out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      out[j][i] = m[i][j];
  return out;
}

/// m^-1 det(m).
constexpr IntMatrix adjugate(const IntMatrix& m) {
  return transposed({cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])});
}

constexpr IntMatrix from_columns(const IntVector& a, const IntVector& b, const IntVector& c) {
  return transposed({a, b, c});
}

constexpr std::int64_t divisor(const IntVector& v) {
  return std::gcd(std::gcd(v[0], v[1]), v[2]);
}

/// Exact quotient of a matrix; false where it is not integral.
constexpr bool divide(IntMatrix& m, std::int64_t by) {
  for (IntVector& row : m)
    for (std::int64_t& v : row) {
      if (v % by != 0) return false;
      v /= by;
    }
  return true;
}

inline IntMatrix rotation_of(const SymmetryOperator& op) {
  IntMatrix r;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      r[i][j] = op.rotation[3 * i + j];
  return r;
}

/// Echelon form by integer row operations; every row carries right-hand sides along.
template <std::size_t Columns>
void to_echelon(std::vector<std::array<std::int64_t, Columns>>& rows, std::size_t pivots) {
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
        const std::int64_t q = rows[i][column] / rows[top][column];
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

/// A right-handed basis (columns) of the lattice that some vectors span, which must be three-dimensional.
inline IntMatrix lattice_basis(std::vector<IntVector> vectors) {
  to_echelon(vectors, 3);
  IntMatrix basis = from_columns(vectors[0], vectors[1], vectors[2]);
  if (determinant(basis) < 0) basis = from_columns(vectors[0], vectors[1], negated(vectors[2]));
  return basis;
}

/// A basis (columns, in 1/translation_denominator of the cell's edges) of the lattice of a centred cell.
inline IntMatrix centred_basis(std::span<const SymmetryOperator> operators) {
  constexpr std::int64_t d = translation_denominator;
  std::vector<IntVector> lattice{{d, 0, 0}, {0, d, 0}, {0, 0, d}};
  for (const SymmetryOperator& op : operators)
    if (rotation_of(op) == unit_matrix)
      lattice.push_back({op.translation[0], op.translation[1], op.translation[2]});
  return lattice_basis(std::move(lattice));
}

}  // namespace bragg::xrd
