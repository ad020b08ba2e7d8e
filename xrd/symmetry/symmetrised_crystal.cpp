#include "xrd/symmetry/symmetrised_crystal.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bragg::xrd {
namespace {

using Matrix3 = std::array<std::array<double, 3>, 3>;

Matrix3 inverse_of(const IntMatrix& m) {
  const IntMatrix adjoint = adjugate(m);
  const auto det = static_cast<double>(determinant(m));
  Matrix3 out;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      out[i][j] = static_cast<double>(adjoint[i][j]) / det;
  return out;
}

Point image(const Matrix3& m, const Point& p) {
  Point out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      out[i] += m[i][j] * p[j];
  return out;
}

Tensor image(const Matrix3& m, const Tensor& t) {
  const double full[3][3] = {{t[0], t[5], t[4]}, {t[5], t[1], t[3]}, {t[4], t[3], t[2]}};
  const auto element = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t l = 0; l < 3; ++l)
        sum += m[i][k] * full[k][l] * m[j][l];
    return sum;
  };
  return {element(0, 0), element(1, 1), element(2, 2), element(1, 2), element(0, 2), element(0, 1)};
}

Matrix3 as_doubles(const IntMatrix& m) {
  Matrix3 out;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      out[i][j] = static_cast<double>(m[i][j]);
  return out;
}

/// The mean of the metric's images under the rotations.
Metric mean_metric(const StructureSymmetry& s) {
  Metric sum{};
  for (const Operation& op : s.operations) {
    const Metric g = metric_of(s.structure.metric, op.rotation);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        sum[i][j] += g[i][j] / static_cast<double>(s.operations.size());
  }
  return sum;
}

UnitCell cell_of(const Metric& g) {
  const double a = std::sqrt(g[0][0]), b = std::sqrt(g[1][1]), c = std::sqrt(g[2][2]);
  const auto degrees = [](double cosine) {
    return std::acos(std::clamp(cosine, -1.0, 1.0)) * 180 / std::numbers::pi;
  };
  return {a, b, c, degrees(g[1][2] / (b * c)), degrees(g[0][2] / (a * c)), degrees(g[0][1] / (a * b))};
}

struct Origin {
  Point place;      ///< in the setting's coordinates, from the file's origin
  double distance;  ///< A
};

/// Of all origins that give the same operators, the one nearest to the file's.
Origin nearest_origin(const StructureSymmetry& s, const SettingPlacement& placement, const Metric& metric) {
  const Matrix3 to_setting = inverse_of(placement.basis), basis = as_doubles(placement.basis);
  const Point from_file{s.origin[0] + placement.origin[0], s.origin[1] + placement.origin[1],
                        s.origin[2] + placement.origin[2]};
  const Point start = image(to_setting, from_file);
  // v/steps with (R - 1) v/steps in the lattice for every R leaves the operators as they are.
  constexpr std::int64_t steps = 12;
  const auto keeps = [&](const IntVector& v) {
    const IntVector p = placement.basis * v;
    return std::all_of(s.operations.begin(), s.operations.end(), [&](const Operation& op) {
      const IntVector d = plus(op.rotation * p, p, -1);
      return d[0] % steps == 0 && d[1] % steps == 0 && d[2] % steps == 0;
    });
  };
  Point best{};
  double best_length = -1;
  for (std::int64_t i = 0; i < steps * steps * steps; ++i) {
    const IntVector v{i / (steps * steps), i / steps % steps, i % steps};
    if (!keeps(v)) continue;
    Point c;
    for (std::size_t k = 0; k < 3; ++k) {
      c[k] = start[k] + static_cast<double>(v[k]) / steps;
      c[k] -= std::round(c[k]);
    }
    // Along what no rotation changes the origin is free.
    const Point p = image(basis, c);
    Point mean{};
    for (const Operation& op : s.operations)
      for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t b = 0; b < 3; ++b)
          mean[a] += static_cast<double>(op.rotation[a][b]) * p[b] / static_cast<double>(s.operations.size());
    const Point free = image(to_setting, mean);
    for (std::size_t k = 0; k < 3; ++k)
      c[k] -= free[k];
    double squared = 0;
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 3; ++b)
        squared += c[a] * metric[a][b] * c[b];
    const double length = std::sqrt(std::max(0.0, squared));
    if (best_length >= 0 && length > best_length - 1e-6) continue;
    best = c;
    best_length = length;
  }
  return {best, best_length};
}

/// Within [0, 1), and simple fractions exact.
double tidy(double x) {
  constexpr double steps = translation_denominator, rounding = 1e-11;
  const double nearest = std::round(x * steps) / steps;
  if (std::abs(x - nearest) < rounding) x = nearest;
  x -= std::floor(x);
  return x < 1 ? x : 0;
}

class SiteBuilder {
 public:
  SiteBuilder(const Crystal& crystal, const StructureSymmetry& s, const SettingPlacement& placement,
              const Point& origin, const UnitCell& cell)
      : crystal_(crystal),
        s_(s),
        to_setting_(inverse_of(placement.basis)),
        reciprocal_(cell.reciprocal_lengths()) {
    const Point exact = image(to_setting_, s.origin);
    for (std::size_t i = 0; i < 3; ++i)
      shift_[i] = exact[i] - origin[i];  // from about s.origin to about the setting's
    lattice_points_ = static_cast<int>(determinant(placement.basis));
    displacement_.resize(s.structure.atoms.size());
    for (const Operation& op : s.operations)
      for (std::size_t a = 0; a < displacement_.size(); ++a) {
        const AtomDisplacement& d = s.structure.displacement[a];
        if (d.known)
          displacement_[static_cast<std::size_t>(op.image[a])].add(d, image(as_doubles(op.rotation), d.beta));
      }
  }

  std::vector<Site> sites() const {
    const std::size_t atoms = s_.structure.atoms.size();
    std::vector<bool> done(atoms, false);
    // In the order of the file.
    std::vector<std::size_t> order(atoms);
    for (std::size_t a = 0; a < atoms; ++a)
      order[a] = a;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return s_.structure.site[a] < s_.structure.site[b];
    });
    std::vector<Site> out;
    for (const std::size_t a : order) {
      if (done[a]) continue;
      int multiplicity = 0;
      double occupancy = 0;
      for (const Operation& op : s_.operations) {
        const auto image = static_cast<std::size_t>(op.image[a]);
        occupancy += s_.structure.occupancy[image] / static_cast<double>(s_.operations.size());
        multiplicity += !done[image];
        done[image] = true;
      }
      out.push_back(site(a, multiplicity * lattice_points_, occupancy));
    }
    return out;
  }

 private:
  const Site& site_of(std::size_t atom) const {
    return crystal_.sites[static_cast<std::size_t>(s_.structure.site[atom])];
  }

  Site site(std::size_t atom, int multiplicity, double occupancy) const {
    Site out = site_of(atom);
    // The image that the file gives, of those that the setting's centring makes.
    const SymmetryOperator& op =
        crystal_.group.operators[static_cast<std::size_t>(s_.structure.operation[atom])];
    const Fractional file = apply(op, out.position);
    const Point given = image(as_doubles(s_.structure.from_declared), Point{file.x, file.y, file.z});
    Point place = s_.symmetrised[atom];
    for (std::size_t i = 0; i < 3; ++i)
      place[i] += std::round(given[i] - s_.origin[i] - place[i]);
    const Point p = image(to_setting_, place);
    out.position = {tidy(p[0] + shift_[0]), tidy(p[1] + shift_[1]), tidy(p[2] + shift_[2])};
    out.multiplicity = multiplicity;
    if (std::abs(occupancy - out.occupancy) > 1e-9) out.occupancy = occupancy;
    const AtomDisplacement d = displacement_[atom].mean();
    if (std::abs(d.u_iso - out.u_iso) > 1e-9) out.u_iso = d.u_iso;
    out.u_aniso.reset();
    if (d.anisotropic) {
      const Tensor beta = image(to_setting_, d.beta);
      const Point& r = reciprocal_;
      out.u_aniso = Tensor{beta[0] / (r[0] * r[0]), beta[1] / (r[1] * r[1]), beta[2] / (r[2] * r[2]),
                           beta[3] / (r[1] * r[2]), beta[4] / (r[0] * r[2]), beta[5] / (r[0] * r[1])};
    }
    return out;
  }

  const Crystal& crystal_;
  const StructureSymmetry& s_;
  Matrix3 to_setting_;
  Point reciprocal_, shift_{};
  int lattice_points_ = 1;
  std::vector<MeanDisplacement> displacement_;  ///< by atom, over its images
};

}  // namespace

std::optional<Crystal> symmetrised_crystal(const Crystal& crystal, const StructureSymmetry& s) {
  const Metric metric = mean_metric(s);
  const auto standard = standard_placement(s.group, metric);
  if (!standard) return std::nullopt;
  // On the file's own axes where that can be, in the setting whose origin is nearest.
  const auto on_axes =
      placements_on_axes(s.group, s.structure.from_declared, standard->setting->setting.number);
  SettingPlacement placement = on_axes.empty() ? *standard : on_axes.front();
  const Metric setting_metric = metric_of(metric, placement.basis);
  Origin origin = nearest_origin(s, placement, setting_metric);
  for (std::size_t i = 1; i < on_axes.size(); ++i) {
    const Origin other = nearest_origin(s, on_axes[i], setting_metric);
    constexpr double clearly = 1e-3;  // A
    if (other.distance > origin.distance - clearly) continue;
    placement = on_axes[i];
    origin = other;
  }

  Crystal out = crystal;
  out.space_group_declared = crystal.declared_number();
  out.group = placement.setting->setting;
  out.cell = symmetrised(on_axes.empty() ? cell_of(setting_metric) : crystal.cell, out.group.operators);
  out.sites = SiteBuilder(crystal, s, placement, origin.place, out.cell).sites();
  return out;
}

}  // namespace bragg::xrd
