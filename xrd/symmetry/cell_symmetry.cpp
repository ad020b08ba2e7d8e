// Whether a unit cell has the symmetry of its operators, and the cell that has it exactly.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

using Metric = std::array<double, 6>;  // as UnitCell::metric()

/// R^T G R: the metric of the basis R (a b c).
Metric image(const Metric& g, const std::array<std::int8_t, 9>& r) {
  const double full[3][3] = {{g[0], g[5], g[4]}, {g[5], g[1], g[3]}, {g[4], g[3], g[2]}};
  const auto element = [&](int i, int j) {
    double sum = 0;
    for (int k = 0; k < 3; ++k)
      for (int l = 0; l < 3; ++l)
        sum += r[static_cast<std::size_t>(3 * k + i)] * full[k][l] * r[static_cast<std::size_t>(3 * l + j)];
    return sum;
  };
  return {element(0, 0), element(1, 1), element(2, 2), element(1, 2), element(0, 2), element(0, 1)};
}

Metric scaled(Metric g, double factor) {
  for (double& v : g)
    v *= factor;
  return g;
}

double degrees(double dot, double norm_product) {
  const double cosine = std::clamp(dot / norm_product, -1.0, 1.0);
  if (cosine == 0) return 90;
  if (std::abs(cosine - 0.5) < 1e-15) return 60;
  if (std::abs(cosine + 0.5) < 1e-15) return 120;
  return std::acos(cosine) * 180 / std::numbers::pi;
}

UnitCell cell_of(const Metric& g) {
  const double a = std::sqrt(g[0]), b = std::sqrt(g[1]), c = std::sqrt(g[2]);
  return {a, b, c, degrees(g[3], b * c), degrees(g[4], a * c), degrees(g[5], a * b)};
}

}  // namespace

CellDeviation cell_deviation(const UnitCell& cell, std::span<const SymmetryOperator> operators) {
  const Metric g = cell.metric();
  CellDeviation worst;
  Metric sum{};
  for (const SymmetryOperator& op : operators) {
    const Metric h = image(g, op.rotation);
    for (std::size_t i = 0; i < 6; ++i)
      sum[i] += h[i];
    if (h == g) continue;
    for (std::size_t i = 0; i < 3; ++i)
      worst.length = std::max(worst.length, std::abs(std::sqrt(h[i] / g[i]) - 1));
  }
  if (sum == scaled(g, static_cast<double>(operators.size()))) return worst;
  const UnitCell mean = cell_of(scaled(sum, 1 / static_cast<double>(operators.size())));
  worst.angle = std::max({std::abs(mean.alpha - cell.alpha), std::abs(mean.beta - cell.beta),
                          std::abs(mean.gamma - cell.gamma)});
  return worst;
}

UnitCell symmetrised(const UnitCell& cell, std::span<const SymmetryOperator> operators) {
  const Metric g = cell.metric();
  Metric sum{};
  double count = 0;
  bool symmetric = true;
  for (const SymmetryOperator& op : operators) {
    const Metric h = image(g, op.rotation);
    symmetric = symmetric && h == g;
    for (std::size_t i = 0; i < 6; ++i)
      sum[i] += h[i];
    ++count;
  }
  if (symmetric) return cell;
  for (double& v : sum)
    v /= count;
  // What the group makes equal or right is so up to rounding now; make it exact.
  const double scale = sum[0] + sum[1] + sum[2];
  for (std::size_t i = 3; i < 6; ++i)
    if (std::abs(sum[i]) < 1e-14 * scale) sum[i] = 0;
  UnitCell out = cell_of(sum);
  const auto equalise = [](double& p, double& q) {
    if (std::abs(p - q) < 1e-13 * (std::abs(p) + std::abs(q))) q = p;
  };
  equalise(out.a, out.b);
  equalise(out.a, out.c);
  equalise(out.b, out.c);
  equalise(out.alpha, out.beta);
  equalise(out.alpha, out.gamma);
  equalise(out.beta, out.gamma);
  for (double* angle : {&out.alpha, &out.beta, &out.gamma})
    for (const double exact : {60.0, 90.0, 120.0})
      if (std::abs(*angle - exact) < 1e-11) *angle = exact;
  return out;
}

}  // namespace bragg::xrd
