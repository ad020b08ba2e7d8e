#include "xrd/symmetry/structure_symmetry.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "xrd/symmetry/symmetry_search.h"

namespace bragg::xrd {
namespace {

double wrapped(double x) {
  const double w = x - std::floor(x);
  return w < 1 ? w : 0;
}
double nearest_to_zero(double x) {
  return x - std::round(x);
}

Point difference(const Point& p, const Point& q) {
  return {nearest_to_zero(p[0] - q[0]), nearest_to_zero(p[1] - q[1]), nearest_to_zero(p[2] - q[2])};
}

Point image(const IntMatrix& m, const Point& p) {
  Point out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      out[i] += static_cast<double>(m[i][j]) * p[j];
  return out;
}

/// M T M^T.
Tensor image(const IntMatrix& m, const Tensor& t) {
  const double full[3][3] = {{t[0], t[5], t[4]}, {t[5], t[1], t[3]}, {t[4], t[3], t[2]}};
  const auto element = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t l = 0; l < 3; ++l)
        sum += static_cast<double>(m[i][k]) * full[k][l] * static_cast<double>(m[j][l]);
    return sum;
  };
  return {element(0, 0), element(1, 1), element(2, 2), element(1, 2), element(0, 2), element(0, 1)};
}

/// sqrt(tr(T G T G)): the norm of the tensor on Cartesian axes.
double norm(const Tensor& t, const Metric& g) {
  const double full[3][3] = {{t[0], t[5], t[4]}, {t[5], t[1], t[3]}, {t[4], t[3], t[2]}};
  double tg[3][3] = {};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        tg[i][j] += full[i][k] * g[k][j];
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      sum += tg[i][j] * tg[j][i];
  return std::sqrt(std::max(0.0, sum));
}

/// adj(m) / det(m), which must be integral up to the factor `scale`.
IntMatrix inverse_of(const IntMatrix& m, std::int64_t scale) {
  IntMatrix out = adjugate(m);
  for (IntVector& row : out)
    for (std::int64_t& v : row)
      v *= scale;
  divide(out, determinant(m));
  return out;
}

/// The kind of each site, the rarest first, by species and occupancy.
std::vector<std::int32_t> kinds_of(const std::vector<Site>& sites) {
  std::vector<std::size_t> order(sites.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(sites[a].species, sites[a].occupancy) < std::pair(sites[b].species, sites[b].occupancy);
  });
  std::vector<std::int32_t> kind(sites.size()), rank;
  std::vector<std::int64_t> atoms;
  const Site* first = nullptr;  // of the kind at hand: the lowest occupancy
  for (const std::size_t s : order) {
    const Site& site = sites[s];
    if (!first || site.species != first->species ||
        site.occupancy > first->occupancy + occupancy_tolerance * (1 + 1e-9)) {
      first = &site;
      atoms.push_back(0);
    }
    kind[s] = static_cast<std::int32_t>(atoms.size() - 1);
    atoms.back() += site.multiplicity;
  }
  std::vector<std::size_t> by_count(atoms.size());
  std::iota(by_count.begin(), by_count.end(), std::size_t{0});
  std::stable_sort(by_count.begin(), by_count.end(),
                   [&](std::size_t a, std::size_t b) { return atoms[a] < atoms[b]; });
  rank.resize(atoms.size());
  for (std::size_t i = 0; i < by_count.size(); ++i)
    rank[by_count[i]] = static_cast<std::int32_t>(i);
  for (std::int32_t& k : kind)
    k = rank[static_cast<std::size_t>(k)];
  return kind;
}

/// Brings a primitive basis of metric `g` (x = from_declared x_declared) to the reduced one.
IntMatrix to_reduced(Metric& g, const IntMatrix& from_declared) {
  const IntMatrix basis = reduce(g);
  return inverse_of(basis, 1) * from_declared;
}

}  // namespace

std::optional<CellStructure> cell_structure(const Crystal& crystal) {
  const auto& operators = crystal.group.operators;
  const IntMatrix centred = centred_basis(operators);
  CellStructure out;
  out.from_declared = inverse_of(centred, translation_denominator);
  out.metric = metric_of(full_metric(crystal.cell), centred);
  for (auto& row : out.metric)
    for (double& v : row)
      v /= translation_denominator * translation_denominator;
  out.from_declared = to_reduced(out.metric, out.from_declared);

  std::vector<std::size_t> classes;  // one operator for each rotation
  for (std::size_t i = 0; i < operators.size(); ++i) {
    const auto same = [&](std::size_t k) { return operators[k].rotation == operators[i].rotation; };
    if (std::none_of(classes.begin(), classes.end(), same)) classes.push_back(i);
  }
  const std::vector<std::int32_t> kinds = kinds_of(crystal.sites);
  std::vector<std::size_t> order(crystal.sites.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return kinds[a] < kinds[b]; });
  constexpr double coinciding = 1e-6;  // the sites lie on their special positions up to rounding
  for (const std::size_t s : order) {
    const Site& site = crystal.sites[s];
    const std::size_t first = out.atoms.size();
    const bool general = static_cast<std::size_t>(site.multiplicity) == operators.size();
    for (const std::size_t i : classes) {
      const Fractional q = apply(operators[i], site.position);
      Point p = image(out.from_declared, Point{q.x, q.y, q.z});
      for (double& v : p)
        v = wrapped(v);
      const auto same = [&](const Point& other) {
        const Point d = difference(p, other);
        return std::abs(d[0]) < coinciding && std::abs(d[1]) < coinciding && std::abs(d[2]) < coinciding;
      };
      auto& positions = out.atoms.position;
      if (!general &&
          std::any_of(positions.begin() + static_cast<std::ptrdiff_t>(first), positions.end(), same))
        continue;
      positions.push_back(p);
      out.atoms.kind.push_back(kinds[s]);
      out.site.push_back(static_cast<std::int32_t>(s));
      out.operation.push_back(static_cast<std::int32_t>(i));
      out.occupancy.push_back(site.occupancy);
    }
    const std::size_t lattice_points = operators.size() / classes.size();
    if ((out.atoms.size() - first) * lattice_points != static_cast<std::size_t>(site.multiplicity))
      return std::nullopt;
  }
  return out;
}

void add_displacements(const Crystal& crystal, CellStructure& structure) {
  const auto s = crystal.cell.reciprocal_lengths();
  const Tensor scale{s[0] * s[0], s[1] * s[1], s[2] * s[2], s[1] * s[2], s[0] * s[2], s[0] * s[1]};
  const auto r = crystal.cell.reciprocal_metric();  // the last three doubled, in the order 23, 13, 12
  structure.displacement.assign(structure.atoms.size(), {});
  for (std::size_t a = 0; a < structure.atoms.size(); ++a) {
    const Site& site = crystal.sites[static_cast<std::size_t>(structure.site[a])];
    AtomDisplacement& d = structure.displacement[a];
    d.u_iso = site.u_iso;
    d.anisotropic = site.u_aniso.has_value();
    d.known = d.anisotropic || site.u_iso != 0;
    Tensor beta{};
    for (std::size_t k = 0; k < 6; ++k)
      beta[k] = d.anisotropic ? (*site.u_aniso)[k] * scale[k] : site.u_iso * r[k] / (k < 3 ? 1 : 2);
    const SymmetryOperator& op = crystal.group.operators[static_cast<std::size_t>(structure.operation[a])];
    d.beta = image(structure.from_declared, rotated(beta, op.rotation));
  }
}

std::vector<IntMatrix> declared_rotations(const Crystal& crystal, const CellStructure& structure) {
  const IntMatrix inverse = adjugate(structure.from_declared);
  std::vector<IntMatrix> out;
  for (const SymmetryOperator& op : crystal.group.operators) {
    IntMatrix r = structure.from_declared * rotation_of(op) * inverse;
    divide(r, determinant(structure.from_declared));
    if (std::find(out.begin(), out.end(), r) == out.end()) out.push_back(r);
  }
  return out;
}

std::vector<IntMatrix> lattice_rotations(const Metric& g, double tolerance) {
  const Point edge{std::sqrt(g[0][0]), std::sqrt(g[1][1]), std::sqrt(g[2][2])};
  std::vector<IntMatrix> out;
  visit_lattice_rotations(
      g, [&](double squared, std::size_t i) { return std::abs(std::sqrt(squared) - edge[i]) <= tolerance; },
      [&](double product, double a, double b, std::size_t i, std::size_t j) {
        // sin of the difference of the angles; times the edges' length it is how far their ends are apart.
        const double p = product / std::sqrt(a * b), q = g[i][j] / (edge[i] * edge[j]);
        const double sine = p * std::sqrt(std::max(0.0, 1 - q * q)) - q * std::sqrt(std::max(0.0, 1 - p * p));
        return std::abs(sine) * std::sqrt(edge[i] * edge[j]) <= tolerance;
      },
      [&](const IntMatrix& rotation) { out.push_back(rotation); });
  return out;
}

namespace {

/// How often a translation must be repeated to bring the first atom back.
std::int64_t order_of(const Operation& translation) {
  std::int64_t order = 1;
  for (std::int32_t a = translation.image[0]; a != 0; a = translation.image[static_cast<std::size_t>(a)])
    ++order;
  return order;
}

/// The finer lattice that pure translations make, and the means of the atoms that they make equal.
std::optional<CellStructure> primitive(const CellStructure& given, const std::vector<Operation>& translations,
                                       double tolerance) {
  if (translations.empty()) return given;
  std::int64_t one = 1;
  std::vector<std::int64_t> orders;
  for (const Operation& t : translations) {
    orders.push_back(order_of(t));
    one = std::lcm(one, orders.back());
  }
  std::vector<IntVector> lattice{{one, 0, 0}, {0, one, 0}, {0, 0, one}};  // in 1/one of the given basis
  for (std::size_t i = 0; i < translations.size(); ++i) {
    IntVector v;
    for (std::size_t k = 0; k < 3; ++k)
      v[k] =
          std::llround(translations[i].translation[k] * static_cast<double>(orders[i])) * (one / orders[i]);
    lattice.push_back(v);
  }
  const IntMatrix basis = lattice_basis(std::move(lattice));
  const std::int64_t volume = one * one * one;
  if (volume % determinant(basis) != 0) return std::nullopt;
  const auto points = static_cast<std::size_t>(volume / determinant(basis));

  CellStructure out;
  out.metric = metric_of(given.metric, basis);
  for (auto& row : out.metric)
    for (double& v : row)
      v /= static_cast<double>(one * one);
  const IntMatrix change = to_reduced(out.metric, inverse_of(basis, one));
  out.from_declared = change * given.from_declared;

  const OperationSearch measure(out.metric, given.atoms);
  std::vector<bool> done(given.atoms.size(), false);
  for (std::size_t a = 0; a < given.atoms.size(); ++a) {
    if (done[a]) continue;
    std::vector<std::size_t> orbit{a};
    done[a] = true;
    for (std::size_t n = 0; n < orbit.size(); ++n)
      for (const Operation& t : translations)
        if (const auto b = static_cast<std::size_t>(t.image[orbit[n]]); !done[b]) {
          done[b] = true;
          orbit.push_back(b);
        }
    if (orbit.size() != points) return std::nullopt;
    const Point p = image(change, given.atoms.position[a]);
    std::vector<Point> offset;
    Point mean{};
    MeanDisplacement displacement;
    double occupancy = 0;
    for (const std::size_t b : orbit) {
      offset.push_back(difference(image(change, given.atoms.position[b]), p));
      for (std::size_t i = 0; i < 3; ++i)
        mean[i] += offset.back()[i] / static_cast<double>(points);
      occupancy += given.occupancy[b] / static_cast<double>(points);
      if (!given.displacement.empty())
        displacement.add(given.displacement[b], image(change, given.displacement[b].beta));
    }
    for (const Point& d : offset)
      if (measure.length({d[0] - mean[0], d[1] - mean[1], d[2] - mean[2]}) > tolerance) return std::nullopt;
    out.atoms.position.push_back({wrapped(p[0] + mean[0]), wrapped(p[1] + mean[1]), wrapped(p[2] + mean[2])});
    out.atoms.kind.push_back(given.atoms.kind[a]);
    out.site.push_back(given.site[a]);
    out.operation.push_back(given.operation[a]);
    out.occupancy.push_back(occupancy);
    if (!given.displacement.empty()) out.displacement.push_back(displacement.mean());
  }
  return out;
}

/// Whether an operation maps atoms onto others that move as they do.
bool displacements_agree(const CellStructure& s, const Operation& op) {
  for (std::size_t a = 0; a < s.displacement.size(); ++a) {
    const AtomDisplacement &from = s.displacement[a],
                           &to = s.displacement[static_cast<std::size_t>(op.image[a])];
    if (!from.known || !to.known) continue;
    const Tensor turned = image(op.rotation, from.beta);
    Tensor d;
    for (std::size_t k = 0; k < 6; ++k)
      d[k] = turned[k] - to.beta[k];
    const double largest = std::max(norm(turned, s.metric), norm(to.beta, s.metric));
    if (norm(d, s.metric) > std::max(displacement_tolerance * std::sqrt(3.0), largest / 2)) return false;
  }
  return true;
}

/// The operations, exact, about the origin where all translations are multiples of 1/count; false where
/// they are no group.
bool make_exact(StructureSymmetry& s) {
  const std::size_t count = s.operations.size();
  // With w(gh) = w(g) + g w(h) the sum S of all w is count w(g) + g S modulo the lattice, for every g: about
  // S/count the translation is w + (g - 1) S/count, a multiple of 1/count.
  s.origin = {};
  for (const Operation& op : s.operations)
    for (std::size_t i = 0; i < 3; ++i)
      s.origin[i] += op.translation[i] / static_cast<double>(count);
  const auto n = static_cast<std::int64_t>(count);
  s.group.modulus = n;
  s.group.elements.clear();
  for (const Operation& op : s.operations) {
    const Point turned = image(op.rotation, s.origin);
    IntVector t;
    for (std::size_t i = 0; i < 3; ++i) {
      t[i] = std::llround((op.translation[i] + turned[i] - s.origin[i]) * static_cast<double>(n)) % n;
      if (t[i] < 0) t[i] += n;
    }
    s.group.elements.push_back({op.rotation, t});
  }
  std::map<IntMatrix, std::size_t> by_rotation;
  for (std::size_t g = 0; g < count; ++g)
    by_rotation.emplace(s.operations[g].rotation, g);
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = 0; b < count; ++b) {
      const auto &first = s.group.elements[a], &second = s.group.elements[b];
      const auto found = by_rotation.find(first.rotation * second.rotation);
      if (found == by_rotation.end()) return false;
      const IntVector t = plus(first.translation, first.rotation * second.translation);
      for (std::size_t i = 0; i < 3; ++i)
        if ((t[i] - s.group.elements[found->second].translation[i]) % n != 0) return false;
      const auto &ia = s.operations[a].image, &ib = s.operations[b].image,
                 &ic = s.operations[found->second].image;
      for (std::size_t i = 0; i < ic.size(); ++i)
        if (ia[static_cast<std::size_t>(ib[i])] != ic[i]) return false;
    }
  return true;
}

/// Every atom to the mean of the images that fall on it; false where one would move farther than `tolerance`.
bool symmetrise(StructureSymmetry& s, const OperationSearch& measure, double tolerance) {
  const auto& position = s.structure.atoms.position;
  const auto n = static_cast<double>(s.group.modulus);
  std::vector<Point> about(position.size()), shift(position.size(), Point{});
  for (std::size_t a = 0; a < position.size(); ++a)
    for (std::size_t i = 0; i < 3; ++i)
      about[a][i] = position[a][i] - s.origin[i];
  for (std::size_t g = 0; g < s.operations.size(); ++g) {
    const auto& t = s.group.elements[g].translation;
    for (std::size_t a = 0; a < position.size(); ++a) {
      Point p = image(s.operations[g].rotation, about[a]);
      for (std::size_t i = 0; i < 3; ++i)
        p[i] += static_cast<double>(t[i]) / n;
      const auto target = static_cast<std::size_t>(s.operations[g].image[a]);
      const Point d = difference(p, about[target]);
      for (std::size_t i = 0; i < 3; ++i)
        shift[target][i] += d[i] / static_cast<double>(s.operations.size());
    }
  }
  s.symmetrised.resize(position.size());
  for (std::size_t a = 0; a < position.size(); ++a) {
    if (measure.length(shift[a]) > tolerance) return false;
    for (std::size_t i = 0; i < 3; ++i)
      s.symmetrised[a][i] = about[a][i] + shift[a][i];
  }
  return true;
}

}  // namespace

std::optional<StructureSymmetry> structure_symmetry(const CellStructure& given, double tolerance) {
  std::vector<Operation> translations = OperationSearch(given.metric, given.atoms).translations(tolerance);
  std::erase_if(translations, [&](const Operation& t) { return !displacements_agree(given, t); });
  auto structure = primitive(given, translations, tolerance);
  if (!structure) return std::nullopt;
  StructureSymmetry out{std::move(*structure), {}, {}, {}, {}};
  OperationSearch search(out.structure.metric, out.structure.atoms);
  for (const IntMatrix& rotation : lattice_rotations(out.structure.metric, tolerance)) {
    auto found = search.find(rotation, tolerance);
    if (!found || !displacements_agree(out.structure, *found)) continue;
    out.operations.push_back(std::move(*found));
    if (rotation == unit_matrix) std::swap(out.operations.front(), out.operations.back());
  }
  if (!make_exact(out) || !symmetrise(out, search, tolerance)) return std::nullopt;
  return out;
}

}  // namespace bragg::xrd
