// The few formulas of the crystallographic ops that every backend has to evaluate alike, to the bit: they
// decide which reflections count and which pattern is drawn. In double precision, without contraction to FMA.
#pragma once

#include <cstdint>

#include "kernels/problems.h"
#include "kernels/random.h"

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

/// A line is drawn where |two_theta_i - two_theta| <= profile_cut * H: beyond, it is below 1e-6 of its peak.
/// sqrt(ln(1e6) / (4 ln 2))
inline constexpr double profile_cut = 2.2322392663715607;

/// What PatternProblem leaves to chance, for one pattern.
struct DrawnPattern {
  const PatternVariant* variant;
  double W, noise;
};

/// Word 0 chooses the first variant whose cumulative weight exceeds u * total, word 1 gives W, word 2 the
/// noise level.
inline DrawnPattern draw_pattern(const PatternProblem& p, std::uint64_t index) {
  const Philox4 bits =
      random_call(p.seed, RandomStream::data, 0, static_cast<std::uint32_t>(DataDraw::parameters), index);
  double total = 0;
  for (const PatternVariant& v : p.variants)
    total += v.weight;
  const double chosen = uniform01(bits[0]) * total;
  const PatternVariant* variant = nullptr;
  double cumulative = 0;
  for (const PatternVariant& v : p.variants) {
    if (v.weight == 0) continue;
    variant = &v;  // the last one with a weight takes what rounding may leave over
    cumulative += v.weight;
    if (chosen < cumulative) break;
  }
  return {variant, variant->W_min + (variant->W_max - variant->W_min) * uniform01(bits[1]),
          variant->noise_min + (variant->noise_max - variant->noise_min) * uniform01(bits[2])};
}

}  // namespace bragg
