#include "xrd/site_symmetry.h"

#include <algorithm>
#include <cmath>

namespace bragg::xrd {
namespace {

double length(const std::array<double, 6>& g, double x, double y, double z) {
  return std::sqrt(std::max(
      0.0, g[0] * x * x + g[1] * y * y + g[2] * z * z + 2 * (g[3] * y * z + g[4] * x * z + g[5] * x * y)));
}

double wrapped(double x) {
  const double w = x - std::floor(x);
  return w < 1 ? w : 0;  // a tiny negative x rounds to 1
}

double nearest(double x) {
  return x - std::round(x);
}

}  // namespace

Tensor rotated(const Tensor& t, const std::array<std::int8_t, 9>& r) {
  const double full[3][3] = {{t[0], t[5], t[4]}, {t[5], t[1], t[3]}, {t[4], t[3], t[2]}};
  const auto element = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t l = 0; l < 3; ++l)
        sum += r[3 * i + k] * full[k][l] * r[3 * j + l];
    return sum;
  };
  return {element(0, 0), element(1, 1), element(2, 2), element(1, 2), element(0, 2), element(0, 1)};
}

SitePlacement place_site(const UnitCell& cell, std::span<const SymmetryOperator> operators,
                         const Fractional& given) {
  const auto metric = cell.metric();
  const auto reciprocal = cell.reciprocal_lengths();
  // A vector of length r has |fractional coordinate i| <= r a*_i. The tolerance is far below half of any
  // d-spacing of a lattice plane, so that rounding to the nearest lattice point finds the nearest image.
  const double reach_x = site_merge_tolerance * reciprocal[0], reach_y = site_merge_tolerance * reciprocal[1],
               reach_z = site_merge_tolerance * reciprocal[2];
  SitePlacement out;
  out.position = given;
  for (int round = 0; round < 8; ++round) {
    const Fractional p = out.position;
    std::vector<std::size_t> coinciding;
    double dx = 0, dy = 0, dz = 0;
    for (std::size_t i = 0; i < operators.size(); ++i) {
      const Fractional q = apply(operators[i], p);
      const double x = nearest(q.x - p.x), y = nearest(q.y - p.y), z = nearest(q.z - p.z);
      if (std::abs(x) > reach_x || std::abs(y) > reach_y || std::abs(z) > reach_z) continue;
      if (length(metric, x, y, z) > site_merge_tolerance) continue;
      coinciding.push_back(i);
      dx += x;
      dy += y;
      dz += z;
    }
    const auto count = static_cast<double>(coinciding.size());
    out.position = {p.x + dx / count, p.y + dy / count, p.z + dz / count};
    const bool settled = round > 0 && coinciding == out.stabiliser;
    out.stabiliser = std::move(coinciding);
    if (!settled && out.stabiliser.size() > 1) continue;
    // An orbit: the images coincide exactly now, and their number divides the order.
    const bool exact = length(metric, dx, dy, dz) < 1e-9 * (cell.a + cell.b + cell.c);
    if (exact && operators.size() % out.stabiliser.size() == 0)
      out.multiplicity = static_cast<int>(operators.size() / out.stabiliser.size());
    break;
  }
  out.shift = length(metric, out.position.x - given.x, out.position.y - given.y, out.position.z - given.z);
  return out;
}

Tensor symmetrised_u(const UnitCell& cell, std::span<const SymmetryOperator> operators,
                     const SitePlacement& place, const Tensor& u) {
  const auto s = cell.reciprocal_lengths();
  const Tensor scale{s[0] * s[0], s[1] * s[1], s[2] * s[2], s[1] * s[2], s[0] * s[2], s[0] * s[1]};
  Tensor contravariant, sum{};
  for (std::size_t i = 0; i < 6; ++i)
    contravariant[i] = u[i] * scale[i];
  bool invariant = true;
  for (const std::size_t i : place.stabiliser) {
    const Tensor image = rotated(contravariant, operators[i].rotation);
    invariant = invariant && image == contravariant;
    for (std::size_t k = 0; k < 6; ++k)
      sum[k] += image[k];
  }
  if (invariant) return u;
  for (std::size_t k = 0; k < 6; ++k)
    sum[k] /= static_cast<double>(place.stabiliser.size()) * scale[k];
  return sum;
}

std::vector<CellAtom> atoms_of_cell(std::span<const SymmetryOperator> operators,
                                    std::span<const Site> sites) {
  std::vector<CellAtom> atoms;
  std::size_t total = 0;
  for (const Site& site : sites)
    total += static_cast<std::size_t>(site.multiplicity);
  atoms.reserve(total);
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const std::size_t first = atoms.size();
    const bool general = static_cast<std::size_t>(sites[s].multiplicity) == operators.size();
    for (const SymmetryOperator& op : operators) {
      const Fractional q = apply(op, sites[s].position);
      const CellAtom atom{wrapped(q.x), wrapped(q.y), wrapped(q.z), static_cast<int>(s)};
      // The site lies on its special position, so that images coincide up to rounding.
      const auto same = [&](const CellAtom& other) {
        return std::abs(nearest(atom.x - other.x)) < 1e-7 && std::abs(nearest(atom.y - other.y)) < 1e-7 &&
               std::abs(nearest(atom.z - other.z)) < 1e-7;
      };
      if (general || std::none_of(atoms.begin() + static_cast<std::ptrdiff_t>(first), atoms.end(), same))
        atoms.push_back(atom);
    }
  }
  return atoms;
}

std::vector<Contact> contacts(const UnitCell& cell, std::span<const SymmetryOperator> operators,
                              std::span<const Site> sites, double distance) {
  const auto metric = cell.metric();
  const auto reciprocal = cell.reciprocal_lengths();
  std::vector<CellAtom> atoms = atoms_of_cell(operators, sites);
  std::vector<CellAtom> own;  // each site's own position
  for (std::size_t i = 0; i < atoms.size(); ++i)
    if (i == 0 || atoms[i].site != atoms[i - 1].site) own.push_back(atoms[i]);
  std::sort(atoms.begin(), atoms.end(), [](const CellAtom& p, const CellAtom& q) { return p.x < q.x; });

  std::vector<Contact> out;
  const double reach_x = std::min(0.5, distance * reciprocal[0]), reach_y = distance * reciprocal[1],
               reach_z = distance * reciprocal[2];
  // Where a cell is so thin that more than one image is in reach, the exact search of UnitCell::distance
  // decides.
  const bool thin = distance * std::max({reciprocal[0], reciprocal[1], reciprocal[2]}) > 0.5;
  const auto scan = [&](const CellAtom& p, double low, double high) {
    const auto begin = std::lower_bound(atoms.begin(), atoms.end(), low,
                                        [](const CellAtom& atom, double x) { return atom.x < x; });
    for (auto q = begin; q != atoms.end() && q->x <= high; ++q) {
      const double y = nearest(q->y - p.y), z = nearest(q->z - p.z);
      if (!thin && (std::abs(y) > reach_y || std::abs(z) > reach_z)) continue;
      const double x = nearest(q->x - p.x);
      if (q->site == p.site && x == 0 && y == 0 && z == 0) continue;
      const double d = thin ? cell.distance({p.x, p.y, p.z}, {q->x, q->y, q->z}) : length(metric, x, y, z);
      if (d < distance) out.push_back({p.site, q->site, d});
    }
  };
  for (const CellAtom& p : own) {
    if (reach_x >= 0.5) {
      scan(p, 0, 1);
      continue;
    }
    scan(p, p.x - reach_x, p.x + reach_x);
    if (p.x < reach_x) scan(p, p.x - reach_x + 1, 1);
    if (p.x + reach_x >= 1) scan(p, 0, p.x + reach_x - 1);
  }
  return out;
}

}  // namespace bragg::xrd
