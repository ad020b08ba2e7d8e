// What rendering a pattern has in common on every backend: the strained metric, the texture axes to choose
// from, the points that are kept. Reflections and lines are decided by crystal_math.h's formulas.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/host_device.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/reflection_problem.h"
#include "kernels/crystal/texture_axes.h"

namespace bragg {

/// Element e of the metric of the strained cell: in an orthonormal frame, g = L L^T with L lower triangular,
/// L (1 + 2 d T) L^T, with d = distortion and T of the elements t_i and t_k / 2; averaged over the Laue group
/// (g -> R g R^T), which makes it as symmetric as the cell, in any setting; then (1 + strain)^-2. The
/// eigenvalues of T are at most 2, so 1/d moves by factors from sqrt(1 - 4 |d|) to sqrt(1 + 4 |d|), over 1 +
/// strain.
BRAGG_HOST_DEVICE inline double strained_element(const ReciprocalMetric& metric, const LaueRotations& laue,
                                                 double strain, double distortion, const double (&t)[6],
                                                 int e) {
  const double* const g = metric.data();
  double element = g[e];
  if (distortion != 0) {
    // The average of g itself is g; what is added to it is small, and float is enough.
    const auto d = static_cast<float>(distortion);
    const auto g0 = static_cast<float>(g[0]), g1 = static_cast<float>(g[1]), g2 = static_cast<float>(g[2]);
    const float l00 = std::sqrt(g0), l10 = static_cast<float>(g[5]) / (2 * l00),
                l20 = static_cast<float>(g[4]) / (2 * l00), l11 = std::sqrt(g1 - l10 * l10),
                l21 = (static_cast<float>(g[3]) / 2 - l20 * l10) / l11,
                l22 = std::sqrt(g2 - l20 * l20 - l21 * l21);
    const int i = e < 3 ? e : e == 3 ? 1 : 0, j = e < 3 ? e : e == 5 ? 1 : 2;
    float sum = 0;
    for (int n = 0; n < laue.count; ++n) {  // rows i and j of R L
      const std::int8_t *const a = laue.rotation.data()[n].data() + 3 * i,
                               *const b = laue.rotation.data()[n].data() + 3 * j;
      const float u0 = a[0] * l00 + a[1] * l10 + a[2] * l20, u1 = a[1] * l11 + a[2] * l21, u2 = a[2] * l22,
                  v0 = b[0] * l00 + b[1] * l10 + b[2] * l20, v1 = b[1] * l11 + b[2] * l21, v2 = b[2] * l22;
      sum += 2 * (static_cast<float>(t[0]) * u0 * v0 + static_cast<float>(t[1]) * u1 * v1 +
                  static_cast<float>(t[2]) * u2 * v2) +
             static_cast<float>(t[3]) * (u1 * v2 + u2 * v1) + static_cast<float>(t[4]) * (u0 * v2 + u2 * v0) +
             static_cast<float>(t[5]) * (u0 * v1 + u1 * v0);
    }
    element +=
        static_cast<double>(static_cast<float>(i == j ? 1 : 2) * d * sum / static_cast<float>(laue.count));
  }
  return strain != 0 ? element * (1 / ((1 + strain) * (1 + strain))) : element;
}
inline ReciprocalMetric strained_metric(const ReciprocalMetric& metric, const LaueRotations& laue,
                                        double strain, double distortion, const double (&t)[6]) {
  ReciprocalMetric result{};
  for (int e = 0; e < 6; ++e)
    result[e] = strained_element(metric, laue, strain, distortion, t, e);
  return result;
}

/// One of texture_axes.
BRAGG_HOST_DEVICE inline AxisIndices texture_axis(std::int32_t number) {
  constexpr auto axes = texture_axes;  // device code has no namespace-scope array of the host's
  return {{axes[number][0], axes[number][1], axes[number][2]}};
}

/// The points that cut_low and cut_high leave: [begin, end). Half a step of tolerance, so that a cut that is
/// whole steps does not hang on a rounding.
struct PointRange {
  std::int64_t begin, end;
};
BRAGG_HOST_DEVICE inline PointRange kept_points(const TwoThetaGrid& grid, const PatternParameters& pattern) {
  const auto steps = [&](Effect e) { return static_cast<std::int64_t>(pattern[e] / grid.step + 0.5); };
  return {steps(Effect::cut_low), grid.points - steps(Effect::cut_high)};
}

}  // namespace bragg
