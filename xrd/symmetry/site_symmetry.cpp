#include "xrd/symmetry/site_symmetry.h"

#include <algorithm>
#include <cmath>
#include <utility>

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

namespace {

/// The atoms of a cell, sorted into boxes at least `distance` wide (in the direction of each reciprocal
/// axis): what is within it of a point lies in the 27 boxes around.
class Boxes {
 public:
  Boxes(const UnitCell& cell, const std::vector<CellAtom>& atoms, double distance) {
    const auto reciprocal = cell.reciprocal_lengths();
    // No more boxes than atoms, about: cells are larger than what is in reach of their atoms.
    const int most = std::max(1, static_cast<int>(std::cbrt(2.0 * static_cast<double>(atoms.size()))));
    for (std::size_t k = 0; k < 3; ++k)
      count_[k] = std::clamp(static_cast<int>(1 / (distance * reciprocal[k])), 1, most);
    first_.assign(static_cast<std::size_t>(count_[0]) * static_cast<std::size_t>(count_[1]) *
                          static_cast<std::size_t>(count_[2]) +
                      1,
                  0);
    for (const CellAtom& atom : atoms)
      ++first_[box_of(atom) + 1];
    for (std::size_t i = 1; i < first_.size(); ++i)
      first_[i] += first_[i - 1];
    std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
    atoms_.resize(atoms.size());
    for (const CellAtom& atom : atoms)
      atoms_[next[box_of(atom)]++] = atom;
  }

  /// Calls `take` for every atom in the boxes around a point, once, until it returns false.
  template <typename Take>
  bool near(const CellAtom& p, const Take& take) const {
    const std::array<int, 3> at{index(p.x, 0), index(p.y, 1), index(p.z, 2)};
    std::array<std::array<int, 3>, 3> around{};
    std::array<int, 3> n{};
    for (std::size_t k = 0; k < 3; ++k) {
      n[k] = std::min(count_[k], 3);
      for (int i = 0; i < n[k]; ++i)
        around[k][static_cast<std::size_t>(i)] = count_[k] < 3 ? i : (at[k] + i - 1 + count_[k]) % count_[k];
    }
    for (int i = 0; i < n[0]; ++i)
      for (int j = 0; j < n[1]; ++j)
        for (int k = 0; k < n[2]; ++k) {
          const std::size_t box =
              number(around[0][static_cast<std::size_t>(i)], around[1][static_cast<std::size_t>(j)],
                     around[2][static_cast<std::size_t>(k)]);
          for (std::size_t a = first_[box]; a < first_[box + 1]; ++a)
            if (!take(atoms_[a])) return false;
        }
    return true;
  }

 private:
  int index(double x, std::size_t axis) const {
    return std::min(static_cast<int>(x * count_[axis]), count_[axis] - 1);
  }
  std::size_t number(int i, int j, int k) const {
    return (static_cast<std::size_t>(i) * static_cast<std::size_t>(count_[1]) + static_cast<std::size_t>(j)) *
               static_cast<std::size_t>(count_[2]) +
           static_cast<std::size_t>(k);
  }
  std::size_t box_of(const CellAtom& atom) const {
    return number(index(atom.x, 0), index(atom.y, 1), index(atom.z, 2));
  }

  std::array<int, 3> count_{};
  std::vector<std::size_t> first_;  ///< of each box, in atoms_
  std::vector<CellAtom> atoms_;
};

}  // namespace

namespace {

/// As nearest(), of a difference of two coordinates within the cell.
double nearer(double x) {
  return x >= 0.5 ? x - 1 : x <= -0.5 ? x + 1 : x;
}

}  // namespace

std::optional<std::vector<Contact>> contacts(const UnitCell& cell,
                                             std::span<const SymmetryOperator> operators,
                                             std::span<const Site> sites, double distance,
                                             const ContactLimits& limits) {
  const auto metric = cell.metric();
  const auto reciprocal = cell.reciprocal_lengths();
  const std::vector<CellAtom> atoms = atoms_of_cell(operators, sites);
  std::vector<CellAtom> own;  // each site's own position
  for (std::size_t i = 0; i < atoms.size(); ++i)
    if (i == 0 || atoms[i].site != atoms[i - 1].site) own.push_back(atoms[i]);
  const double reach_x = distance * reciprocal[0], reach_y = distance * reciprocal[1],
               reach_z = distance * reciprocal[2];
  // Where a cell is so thin that more than one image is in reach, the exact search of UnitCell::distance
  // decides.
  const bool thin = distance * std::max({reciprocal[0], reciprocal[1], reciprocal[2]}) > 0.5;
  const Boxes boxes(cell, atoms, distance);
  std::vector<Contact> out;
  for (const CellAtom& p : own) {
    const std::size_t before = out.size();
    const bool is_complete = boxes.near(p, [&](const CellAtom& q) {
      const double x = nearer(q.x - p.x);
      if (!thin && std::abs(x) > reach_x) return true;
      const double y = nearer(q.y - p.y), z = nearer(q.z - p.z);
      if (!thin && (std::abs(y) > reach_y || std::abs(z) > reach_z)) return true;
      if (q.site == p.site && x == 0 && y == 0 && z == 0) return true;
      const double d = thin ? cell.distance({p.x, p.y, p.z}, {q.x, q.y, q.z}) : length(metric, x, y, z);
      if (d < distance) out.push_back({p.site, q.site, d});
      return out.size() - before <= limits.of_a_site && out.size() <= limits.in_all;
    });
    if (!is_complete) return std::nullopt;
  }
  return out;
}

}  // namespace bragg::xrd
