// The parameters of a pattern, sampled alike by every backend: in double precision, from (seed, index) alone.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/host_device.h"
#include "kernels/crystal/data_random.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/crystal/pattern_sampling.h"

namespace bragg {

/// Word 0 decides whether, words 1 and 2 z (or word 1 u where there is no z), word 3 the u of mixed_normal.
BRAGG_HOST_DEVICE inline double sample_value(const Distribution& d, const Philox4& bits) {
  if (!(uniform01(bits[0]) < d.probability)) return 0;
  const double u = uniform01(bits[1]);
  if (d.law == Distribution::Law::uniform) return d.a + (d.b - d.a) * u;
  if (d.law == Distribution::Law::log_uniform) return d.a * std::exp(std::log(d.b / d.a) * u);
  double z = normal_pair(bits[1], bits[2]).first;
  z = z < -normal_cut ? -normal_cut : z > normal_cut ? normal_cut : z;
  if (d.law == Distribution::Law::normal) return d.a + d.b * z;
  if (d.law == Distribution::Law::log_normal) return d.a * std::exp(d.b * z);
  const double squeeze = uniform01(bits[3]);
  return d.a + d.b * squeeze * squeeze * z;
}

/// DataDraw::parameters, call 0: word 0 chooses the first variant whose cumulative weight exceeds u * total.
BRAGG_HOST_DEVICE inline std::int32_t sample_variant(const PatternVariant* variants, std::int32_t count,
                                                     std::uint32_t seed, std::uint64_t index) {
  double total = 0;
  for (std::int32_t i = 0; i < count; ++i)
    total += variants[i].weight;
  const double chosen = uniform01(data_call(seed, DataDraw::parameters, 0, index)[0]) * total;
  double cumulative = 0;
  std::int32_t variant = 0;
  for (std::int32_t i = 0; i < count; ++i) {
    if (variants[i].weight == 0) continue;
    variant = i;  // the last one with a weight takes what rounding may leave over
    cumulative += variants[i].weight;
    if (chosen < cumulative) break;
  }
  return variant;
}

/// DataDraw::parameters, call 1 + e: effect e.
BRAGG_HOST_DEVICE inline double sample_effect(const PatternVariant& variant, int e, std::uint32_t seed,
                                              std::uint64_t index) {
  const Distribution& d = variant.effects.data()[e];
  const bool is_constant = d.law == Distribution::Law::uniform && d.a == d.b && d.probability == 1;
  return is_constant ? d.a
                     : sample_value(d, data_call(seed, DataDraw::parameters,
                                                 1 + static_cast<std::uint32_t>(e), index));
}

/// DataDraw::shape: words 0..5 the distortion, word 6 the axis, words 8..11 the Chebyshev coefficients.
BRAGG_HOST_DEVICE inline void sample_shape(PatternParameters& parameters, std::uint32_t seed,
                                           std::uint64_t index) {
  const Philox4 shape[3] = {data_call(seed, DataDraw::shape, 0, index),
                            data_call(seed, DataDraw::shape, 1, index),
                            data_call(seed, DataDraw::shape, 2, index)};
  for (int i = 0; i < 6; ++i)
    parameters.distortion[i] = 2 * double{uniform01(shape[i / 4][i % 4])} - 1;
  parameters.axis = static_cast<std::int32_t>(uniform_below(shape[1][2], texture_axis_count));
  for (int k = 0; k < chebyshev_terms; ++k)
    parameters.chebyshev[k] = 2 * double{uniform01(shape[2][k])} - 1;
}

/// Pattern number `index`: what every backend's sample_patterns computes.
inline PatternParameters sample_pattern(const PatternSampling& p, std::uint64_t index) {
  PatternParameters parameters{};
  parameters.seed = p.seed;
  parameters.index = index;
  parameters.variant =
      sample_variant(p.variants.data(), static_cast<std::int32_t>(p.variants.size()), p.seed, index);
  const PatternVariant& variant = p.variants[parameters.variant];
  parameters.U = variant.U;
  parameters.V = variant.V;
  for (int e = 0; e < effect_count; ++e)
    parameters.value[e] = sample_effect(variant, e, p.seed, index);
  sample_shape(parameters, p.seed, index);
  return parameters;
}

}  // namespace bragg
