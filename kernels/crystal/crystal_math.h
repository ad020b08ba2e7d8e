// The few formulas of the crystallographic ops that every backend has to evaluate alike, to the bit: they
// decide which reflections count. In double precision, without contraction to FMA.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/crystal/reflection_problem.h"

namespace bragg {

/// 1/d^2 in 1/A^2, added in this order.
constexpr double inverse_d_squared(const ReciprocalMetric& g, int h, int k, int l) {
  const double x = h, y = k, z = l;
  return g[0] * x * x + g[1] * y * y + g[2] * z * z + g[3] * y * z + g[4] * x * z + g[5] * x * y;
}

/// sin(theta)/lambda = 1 / 2d: the range of a ReflectionProblem in 1/d^2. (000) never counts.
struct InverseDSquaredRange {
  double min, max;
  constexpr explicit InverseDSquaredRange(const ReflectionProblem& p)
      : min(4 * p.stol_min * p.stol_min), max(4 * p.stol_max * p.stol_max) {}
  constexpr bool contains(double q) const { return q > 0 && q >= min && q <= max; }
};

/// f of HighAngle at s^2 in 1/A^2: what is beyond the four Gaussians, without f'.
inline double high_angle_form_factor(const HighAngle& f, double s2) {
  constexpr double end2 = high_angle_end * high_angle_end;
  const double within = std::min(s2, end2);
  double value = f.c;
  for (std::size_t i = 0; i < f.a.size(); ++i)
    value += double{f.a[i]} * std::exp(-double{f.b[i]} * within);
  return s2 > end2 ? value * std::pow(end2 / s2, f.decay / 2) : value;
}

/// |h|, |k| and |l| of every reflection with 1/d^2 <= q_max are at most these. Throws ProblemError that names
/// the crystal where one would not fit 16 bits.
std::array<int, 3> largest_indices(const ReciprocalMetric&, double q_max, std::int64_t crystal);

}  // namespace bragg
