// A crystal written out in P1, in any cell about any origin: what a search for symmetry must undo.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "xrd/symmetry/integer_lattice.h"
#include "xrd/symmetry/lattice_reduction.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::xrd {

inline UnitCell cell_with_basis(const UnitCell& cell, const IntMatrix& basis) {
  const Metric g = metric_of(full_metric(cell), basis);
  const double a = std::sqrt(g[0][0]), b = std::sqrt(g[1][1]), c = std::sqrt(g[2][2]);
  const auto degrees = [](double cosine) {
    return cosine == 0 ? 90 : std::acos(cosine) * 180 / std::numbers::pi;
  };
  return {a, b, c, degrees(g[1][2] / (b * c)), degrees(g[0][2] / (a * c)), degrees(g[0][1] / (a * b))};
}

/// M T M^T with M = basis^-1, of a tensor on the basis vectors.
inline Tensor on_basis(const IntMatrix& basis, const Tensor& t) {
  const IntMatrix m = adjugate(basis);
  const double det = static_cast<double>(determinant(basis));
  const double full[3][3] = {{t[0], t[5], t[4]}, {t[5], t[1], t[3]}, {t[4], t[3], t[2]}};
  const auto element = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t l = 0; l < 3; ++l)
        sum += static_cast<double>(m[i][k]) * full[k][l] * static_cast<double>(m[j][l]);
    return sum / (det * det);
  };
  return {element(0, 0), element(1, 1), element(2, 2), element(1, 2), element(0, 2), element(0, 1)};
}

/// All atoms of the cell with the edges `basis` (columns; of any positive determinant: a supercell) as sites
/// of P1, moved by `shift` (fractional, of the new cell).
inline Crystal written_in_p1(const Crystal& crystal, const IntMatrix& basis = unit_matrix,
                             const Fractional& shift = {}) {
  Crystal out;
  out.name = crystal.name;
  out.group = setting_from_operators({parse_operator("x,y,z")});
  out.cell = cell_with_basis(crystal.cell, basis);
  const auto old_scale = crystal.cell.reciprocal_lengths(), scale = out.cell.reciprocal_lengths();
  const IntMatrix inverse = adjugate(basis);
  const std::int64_t volume = determinant(basis);
  const auto wrapped = [](double x) { return x - std::floor(x); };
  // Lattice points within the new cell, in 1/volume of its edges.
  std::vector<IntVector> points;
  std::int64_t reach = 0;
  for (const IntVector& row : basis)
    for (const std::int64_t v : row)
      reach += std::abs(v);
  for (std::int64_t i = -reach; i <= reach && volume > 1; ++i)
    for (std::int64_t j = -reach; j <= reach; ++j)
      for (std::int64_t k = -reach; k <= reach; ++k) {
        const IntVector p = inverse * IntVector{i, j, k};
        if (std::min({p[0], p[1], p[2]}) >= 0 && std::max({p[0], p[1], p[2]}) < volume) points.push_back(p);
      }
  if (volume == 1) points.push_back({0, 0, 0});

  for (const Site& site : crystal.sites) {
    std::vector<Fractional> done;
    for (const SymmetryOperator& op : crystal.group.operators) {
      const Fractional q = apply(op, site.position);
      if (std::any_of(done.begin(), done.end(),
                      [&](const Fractional& p) { return crystal.cell.distance(p, q) < 1e-4; }))
        continue;
      done.push_back(q);
      Site atom = site;
      atom.multiplicity = 1;
      if (site.u_aniso) {
        const auto& s = old_scale;
        Tensor beta = *site.u_aniso;
        const Tensor to{s[0] * s[0], s[1] * s[1], s[2] * s[2], s[1] * s[2], s[0] * s[2], s[0] * s[1]};
        for (std::size_t k = 0; k < 6; ++k)
          beta[k] *= to[k];
        beta = on_basis(basis, rotated(beta, op.rotation));
        const auto& r = scale;
        const Tensor from{r[0] * r[0], r[1] * r[1], r[2] * r[2], r[1] * r[2], r[0] * r[2], r[0] * r[1]};
        for (std::size_t k = 0; k < 6; ++k)
          beta[k] /= from[k];
        atom.u_aniso = beta;
      }
      for (const IntVector& point : points) {
        const double old[3] = {q.x, q.y, q.z};
        std::array<double, 3> p{};
        for (std::size_t i = 0; i < 3; ++i) {
          p[i] = static_cast<double>(point[i]);
          for (std::size_t j = 0; j < 3; ++j)
            p[i] += static_cast<double>(inverse[i][j]) * old[j];
          p[i] /= static_cast<double>(volume);
        }
        atom.position = {wrapped(p[0] + shift.x), wrapped(p[1] + shift.y), wrapped(p[2] + shift.z)};
        out.sites.push_back(atom);
      }
    }
  }
  return out;
}

}  // namespace bragg::xrd
