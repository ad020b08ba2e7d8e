// Short bases of a lattice, and the rotations that leave its metric as it is.
#pragma once

#include <array>
#include <cmath>

#include "xrd/symmetry/integer_lattice.h"
#include "xrd/unit_cell.h"

namespace bragg::xrd {

using Metric = std::array<std::array<double, 3>, 3>;  ///< G_ij = a_i . a_j, A^2

Metric full_metric(const UnitCell&);
/// B^T G B: of the basis whose vectors are B's columns.
template <typename Number>
Metric metric_of(const Metric& g, const std::array<std::array<Number, 3>, 3>& basis) {
  Metric half{}, out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        half[i][j] += g[i][k] * static_cast<double>(basis[k][j]);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        out[i][j] += static_cast<double>(basis[k][i]) * half[k][j];
  return out;
}

/// Shortens the basis until no vector gets shorter by another, or by the sum or difference of the two others
/// (Minkowski's conditions, but for ties). Returns the new basis (columns, in the old one; determinant 1) and
/// leaves its metric in `g`.
IntMatrix reduce(Metric& g);

/// Calls visit(W) for every W whose columns, as a basis, have the metric of the reduced basis itself:
/// close_length(squared, i) and close_product(a . b, a . a, b . b, i, j) say how near is near enough.
template <typename CloseLength, typename CloseProduct, typename Visit>
void visit_lattice_rotations(const Metric& g, const CloseLength& close_length,
                             const CloseProduct& close_product, const Visit& visit) {
  // Between reduced bases the components are -1, 0 and 1.
  struct Candidate {
    IntVector v;
    double squared;
  };
  std::array<std::array<Candidate, 26>, 3> candidates;
  std::array<std::size_t, 3> count{};
  const auto product = [&](const IntVector& a, const IntVector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        sum += static_cast<double>(a[i]) * g[i][j] * static_cast<double>(b[j]);
    return sum;
  };
  for (int n = 0; n < 27; ++n) {
    if (n == 13) continue;
    const IntVector v{n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1};
    const double squared = product(v, v);
    for (std::size_t i = 0; i < 3; ++i)
      if (close_length(squared, i)) candidates[i][count[i]++] = {v, squared};
  }
  const auto close = [&](const Candidate& p, const Candidate& q, std::size_t i, std::size_t j) {
    return close_product(product(p.v, q.v), p.squared, q.squared, i, j);
  };
  for (std::size_t p = 0; p < count[0]; ++p)
    for (std::size_t q = 0; q < count[1]; ++q) {
      const Candidate &a = candidates[0][p], &b = candidates[1][q];
      if (!close(a, b, 0, 1)) continue;
      for (std::size_t r = 0; r < count[2]; ++r) {
        const Candidate& c = candidates[2][r];
        if (close(a, c, 0, 2) && close(b, c, 1, 2)) visit(from_columns(a.v, b.v, c.v));
      }
    }
}

}  // namespace bragg::xrd
