#include "xrd/symmetry/operation_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bragg::xrd {
namespace {

/// Images that one search may look up: some seconds. Only cells of thousands of atoms that are almost
/// periodic within come near it.
constexpr std::int64_t maximum_work = 30'000'000;
/// Bins start this far from the origin, so that special positions lie within them, not on their faces.
constexpr double bin_shift = 0.0137;

double wrapped(double x) {
  const double w = x - std::floor(x);
  return w < 1 ? w : 0;
}

/// For |x| < 1.5.
double nearest_to_zero(double x) {
  return x > 0.5 ? x - 1 : x < -0.5 ? x + 1 : x;
}

Point turned(const IntMatrix& r, const Point& p) {
  Point out;
  for (std::size_t i = 0; i < 3; ++i)
    out[i] = static_cast<double>(r[i][0]) * p[0] + static_cast<double>(r[i][1]) * p[1] +
             static_cast<double>(r[i][2]) * p[2];
  return out;
}

}  // namespace

OperationSearch::OperationSearch(const Metric& metric, const AtomSet& atoms)
    : metric_(metric), atoms_(atoms), offset_(atoms.size()), image_(atoms.size()) {
  const auto& g = metric;
  const Point minors{g[1][1] * g[2][2] - g[1][2] * g[1][2], g[0][0] * g[2][2] - g[0][2] * g[0][2],
                     g[0][0] * g[1][1] - g[0][1] * g[0][1]};
  const double volume_squared = g[0][0] * minors[0] - g[0][1] * (g[0][1] * g[2][2] - g[1][2] * g[0][2]) +
                                g[0][2] * (g[0][1] * g[1][2] - g[1][1] * g[0][2]);
  const auto count = static_cast<double>(atoms.size());
  const double spacing = std::cbrt(std::sqrt(volume_squared) / count);  // of bins with an atom each
  for (std::size_t i = 0; i < 3; ++i) {
    reciprocal_[i] = std::sqrt(minors[i] / volume_squared);
    bins_[i] = std::clamp<std::int64_t>(std::llround(1 / (reciprocal_[i] * spacing)), 1, 1000);
  }
  std::vector<std::int32_t> bin(atoms.size());
  bin_begin_.assign(static_cast<std::size_t>(bins_[0] * bins_[1] * bins_[2]) + 1, 0);
  for (std::size_t a = 0; a < atoms.size(); ++a) {
    bin[a] = static_cast<std::int32_t>(bin_of(atoms.position[a]));
    ++bin_begin_[static_cast<std::size_t>(bin[a]) + 1];
  }
  std::partial_sum(bin_begin_.begin(), bin_begin_.end(), bin_begin_.begin());
  std::vector<std::int32_t> next(bin_begin_.begin(), bin_begin_.end() - 1);
  bin_atoms_.resize(atoms.size());
  for (std::size_t a = 0; a < atoms.size(); ++a)
    bin_atoms_[static_cast<std::size_t>(next[static_cast<std::size_t>(bin[a])]++)] =
        static_cast<std::int32_t>(a);
  while (first_kind_ < atoms.size() && atoms.kind[first_kind_] == atoms.kind[0])
    ++first_kind_;
}

std::size_t OperationSearch::bin_of(const Point& p) const {
  std::int64_t bin = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double shifted = wrapped(p[i] + bin_shift);
    bin = bin * bins_[i] +
          std::min(bins_[i] - 1, static_cast<std::int64_t>(shifted * static_cast<double>(bins_[i])));
  }
  return static_cast<std::size_t>(bin);
}

double OperationSearch::length(const Point& v) const {
  const auto& g = metric_;
  return std::sqrt(
      std::max(0.0, v[0] * v[0] * g[0][0] + v[1] * v[1] * g[1][1] + v[2] * v[2] * g[2][2] +
                        2 * (v[1] * v[2] * g[1][2] + v[0] * v[2] * g[0][2] + v[0] * v[1] * g[0][1])));
}

std::int32_t OperationSearch::nearest(const Point& point, std::int32_t kind, double reach,
                                      Point& offset) const {
  // A vector of length r has |fractional coordinate i| <= r a*_i.
  std::array<std::int64_t, 3> low, count;
  Point extent;
  for (std::size_t i = 0; i < 3; ++i) {
    extent[i] = reach * reciprocal_[i];
    const auto n = static_cast<double>(bins_[i]);
    const double x = point[i] + bin_shift;
    low[i] = static_cast<std::int64_t>(std::floor((x - extent[i]) * n));
    count[i] = std::min(bins_[i], static_cast<std::int64_t>(std::floor((x + extent[i]) * n)) - low[i] + 1);
    low[i] = (low[i] % bins_[i] + bins_[i]) % bins_[i];
  }
  std::int32_t best = -1;
  double best_length = reach;
  for (std::int64_t i = 0; i < count[0]; ++i)
    for (std::int64_t j = 0; j < count[1]; ++j)
      for (std::int64_t k = 0; k < count[2]; ++k) {
        const auto bin = static_cast<std::size_t>(
            ((low[0] + i) % bins_[0] * bins_[1] + (low[1] + j) % bins_[1]) * bins_[2] +
            (low[2] + k) % bins_[2]);
        for (std::int32_t n = bin_begin_[bin]; n < bin_begin_[bin + 1]; ++n) {
          const std::int32_t a = bin_atoms_[static_cast<std::size_t>(n)];
          const auto index = static_cast<std::size_t>(a);
          if (atoms_.kind[index] != kind) continue;
          const Point& q = atoms_.position[index];
          const Point d{nearest_to_zero(q[0] - point[0]), nearest_to_zero(q[1] - point[1]),
                        nearest_to_zero(q[2] - point[2])};
          if (std::abs(d[0]) > extent[0] || std::abs(d[1]) > extent[1] || std::abs(d[2]) > extent[2])
            continue;
          if (const double r = length(d); r <= best_length) {
            best = a;
            best_length = r;
            offset = d;
          }
        }
      }
  return best;
}

std::optional<Operation> OperationSearch::try_target(const IntMatrix& rotation, std::size_t target,
                                                     double tolerance) {
  const Point first = turned(rotation, atoms_.position[0]);
  Point translation;
  for (std::size_t i = 0; i < 3; ++i)
    translation[i] = wrapped(atoms_.position[target][i] - first[i]);
  // This translation carries the errors of two atoms: look twice as far, and then about the mean.
  Point mean{};
  for (std::size_t a = 0; a < atoms_.size(); ++a) {
    if (++work_ > maximum_work) throw SearchTooLong();
    Point p = turned(rotation, atoms_.position[a]);
    for (std::size_t i = 0; i < 3; ++i)
      p[i] = wrapped(p[i] + translation[i]);
    image_[a] = nearest(p, atoms_.kind[a], 2 * tolerance, offset_[a]);
    if (image_[a] < 0) return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i)
      mean[i] += offset_[a][i];
  }
  for (double& v : mean)
    v /= static_cast<double>(atoms_.size());
  std::vector<bool> taken(atoms_.size(), false);
  for (std::size_t a = 0; a < atoms_.size(); ++a) {
    const auto image = static_cast<std::size_t>(image_[a]);
    if (taken[image]) return std::nullopt;
    taken[image] = true;
    const Point d{offset_[a][0] - mean[0], offset_[a][1] - mean[1], offset_[a][2] - mean[2]};
    if (length(d) > tolerance) return std::nullopt;
  }
  for (std::size_t i = 0; i < 3; ++i)
    translation[i] = wrapped(translation[i] + mean[i]);
  return Operation{rotation, translation, image_};
}

std::optional<Operation> OperationSearch::find(const IntMatrix& rotation, double tolerance) {
  for (std::size_t target = 0; target < first_kind_; ++target)
    if (auto found = try_target(rotation, target, tolerance)) return found;
  return std::nullopt;
}

std::vector<Operation> OperationSearch::translations(double tolerance) {
  // A translation has no fixed atom: the size of their group divides the number of atoms of every kind.
  std::int64_t common = 0;
  for (std::size_t begin = 0, end; begin < atoms_.size(); begin = end) {
    end = begin;
    while (end < atoms_.size() && atoms_.kind[end] == atoms_.kind[begin])
      ++end;
    common = std::gcd(common, static_cast<std::int64_t>(end - begin));
  }
  std::vector<Operation> generators;
  if (common < 2) return generators;
  // The atoms that the group of what is found so far makes of the first one.
  std::vector<std::size_t> orbit{0};
  std::vector<bool> in_orbit(first_kind_, false);
  in_orbit[0] = true;
  for (std::size_t target = 1; target < first_kind_; ++target) {
    if (in_orbit[target]) continue;
    auto found = try_target(unit_matrix, target, tolerance);
    if (!found) continue;
    generators.push_back(std::move(*found));
    for (std::size_t n = 0; n < orbit.size(); ++n)
      for (const Operation& t : generators) {
        const auto image = static_cast<std::size_t>(t.image[orbit[n]]);
        if (in_orbit[image]) continue;
        in_orbit[image] = true;
        orbit.push_back(image);
      }
  }
  return generators;
}

}  // namespace bragg::xrd
