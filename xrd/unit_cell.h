// The unit cell: edges and angles, metric, d-spacings.
#pragma once

#include <array>

#include "kernels/crystal/reflection_problem.h"

namespace bragg::xrd {

struct Fractional {
  double x = 0, y = 0, z = 0;
};

/// x minus the nearest integer, for |x| < 2^21; without a call to the library, so that loops vectorise.
inline float nearest_image(float x) {
  constexpr float shift = 12582912.0f;  // 1.5 x 2^23: what is added to it is rounded to an integer
  return x - ((x + shift) - shift);
}

/// Edges in A, angles in degrees. Right angles are exact (cos = 0, not 6e-17).
struct UnitCell {
  double a = 1, b = 1, c = 1, alpha = 90, beta = 90, gamma = 90;

  /// A^3. NaN for impossible angles; is_possible() says so first.
  double volume() const;
  bool is_possible() const;
  /// G_ij = a_i . a_j in A^2: g[0] = aa, bb, cc, bc, ac, ab (not doubled).
  std::array<double, 6> metric() const;
  /// a*, b*, c* in 1/A.
  std::array<double, 3> reciprocal_lengths() const;
  /// 1/d^2 as a quadratic form (International Tables B, 1.1.3), see ReciprocalMetric.
  ReciprocalMetric reciprocal_metric() const;
  /// A.
  double d_spacing(int h, int k, int l) const;
  /// Shortest distance between the positions p and q modulo lattice translations, A.
  double distance(const Fractional& p, const Fractional& q) const;

  bool operator==(const UnitCell&) const = default;
};

}  // namespace bragg::xrd
