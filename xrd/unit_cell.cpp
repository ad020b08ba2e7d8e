#include "xrd/unit_cell.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace bragg::xrd {
namespace {

/// Cosine of an angle in degrees, exact where it is 0 or +-1/2.
double cosine(double degrees) {
  if (degrees == 90) return 0;
  if (degrees == 60) return 0.5;
  if (degrees == 120) return -0.5;
  return std::cos(degrees * std::numbers::pi / 180);
}

/// V^2 / (abc)^2; negative or zero where the three angles close no cell.
double volume_factor_squared(const UnitCell& cell) {
  const double u = cosine(cell.alpha), v = cosine(cell.beta), w = cosine(cell.gamma);
  return 1 - u * u - v * v - w * w + 2 * u * v * w;
}

double quadratic(const std::array<double, 6>& g, double x, double y, double z) {
  return g[0] * x * x + g[1] * y * y + g[2] * z * z + 2 * (g[3] * y * z + g[4] * x * z + g[5] * x * y);
}

}  // namespace

double UnitCell::volume() const {
  return a * b * c * std::sqrt(volume_factor_squared(*this));
}

bool UnitCell::is_possible() const {
  for (const double edge : {a, b, c})
    if (!(edge > 0 && std::isfinite(edge))) return false;
  for (const double angle : {alpha, beta, gamma})
    if (!(angle > 0 && angle < 180)) return false;
  return volume_factor_squared(*this) > 0;
}

std::array<double, 6> UnitCell::metric() const {
  return {a * a, b * b, c * c, b * c * cosine(alpha), a * c * cosine(beta), a * b * cosine(gamma)};
}

std::array<double, 3> UnitCell::reciprocal_lengths() const {
  const double factor = std::sqrt(volume_factor_squared(*this));
  const auto sine = [](double degrees) {
    const double cos = cosine(degrees);
    return std::sqrt((1 - cos) * (1 + cos));
  };
  return {sine(alpha) / (a * factor), sine(beta) / (b * factor), sine(gamma) / (c * factor)};
}

ReciprocalMetric UnitCell::reciprocal_metric() const {
  const double u = cosine(alpha), v = cosine(beta), w = cosine(gamma);
  const double f = volume_factor_squared(*this);
  return {(1 - u) * (1 + u) / (a * a * f), (1 - v) * (1 + v) / (b * b * f), (1 - w) * (1 + w) / (c * c * f),
          2 * (v * w - u) / (b * c * f),   2 * (u * w - v) / (a * c * f),   2 * (u * v - w) / (a * b * f)};
}

double UnitCell::d_spacing(int h, int k, int l) const {
  const ReciprocalMetric g = reciprocal_metric();
  const double x = h, y = k, z = l;
  return 1 /
         std::sqrt(g[0] * x * x + g[1] * y * y + g[2] * z * z + g[3] * y * z + g[4] * x * z + g[5] * x * y);
}

double UnitCell::distance(const Fractional& p, const Fractional& q) const {
  const auto g = metric();
  const double x = p.x - q.x - std::round(p.x - q.x);
  const double y = p.y - q.y - std::round(p.y - q.y);
  const double z = p.z - q.z - std::round(p.z - q.z);
  double best = quadratic(g, x, y, z);
  // A vector of length r has |fractional coordinate i| <= r a*_i, so that this search is complete in any
  // cell.
  const auto reciprocal = reciprocal_lengths();
  const double r = std::sqrt(best);
  const int nx = static_cast<int>(std::floor(r * reciprocal[0] + std::abs(x)));
  const int ny = static_cast<int>(std::floor(r * reciprocal[1] + std::abs(y)));
  const int nz = static_cast<int>(std::floor(r * reciprocal[2] + std::abs(z)));
  for (int i = -nx; i <= nx; ++i)
    for (int j = -ny; j <= ny; ++j)
      for (int k = -nz; k <= nz; ++k)
        best = std::min(best, quadratic(g, x + i, y + j, z + k));
  return std::sqrt(std::max(best, 0.0));
}

}  // namespace bragg::xrd
