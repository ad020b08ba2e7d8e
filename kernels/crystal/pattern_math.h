// What a pattern leaves to chance, drawn alike by every backend (what is chosen, to the bit; numbers but for
// the last digits of a logarithm), and the strained metric: in double precision, from (seed, index) alone.
// Reflections and lines are decided by crystal_math.h's formulas.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/base/host_device.h"
#include "kernels/base/random.h"
#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/reflection_problem.h"

namespace bragg {

/// Preferred orientation is along one of these, as indices of reciprocal space.
inline constexpr std::array<std::array<std::int8_t, 3>, 13> texture_axes{{
    {1, 0, 0},
    {0, 1, 0},
    {0, 0, 1},
    {1, 1, 0},
    {1, -1, 0},
    {1, 0, 1},
    {1, 0, -1},
    {0, 1, 1},
    {0, 1, -1},
    {1, 1, 1},
    {-1, 1, 1},
    {1, -1, 1},
    {1, 1, -1},
}};
inline constexpr std::uint32_t texture_axis_count = texture_axes.size();
inline constexpr int chebyshev_terms = 4;

/// Box-Muller: a pair of independent normal deviates.
struct NormalPair {
  double first, second;
};
BRAGG_HOST_DEVICE inline NormalPair normal_pair(std::uint32_t bits0, std::uint32_t bits1) {
  const double radius = std::sqrt(-2 * std::log(1 - double{uniform01(bits0)})), turns = uniform01(bits1);
#ifdef __CUDA_ARCH__
  double sine, cosine;
  sincospi(2 * turns, &sine, &cosine);  // a call less than cos, which would have to reduce any angle
  return {radius * cosine, radius * sine};
#else
  const double angle = 6.283185307179586 * turns;
  return {radius * std::cos(angle), radius * std::sin(angle)};
#endif
}

/// Word 0 decides whether, words 1 and 2 z (or word 1 u where there is no z), word 3 the u of mixed_normal.
BRAGG_HOST_DEVICE inline double draw_value(const Distribution& d, const Philox4& bits) {
  if (!(uniform01(bits[0]) < d.probability)) return 0;
  const double u = uniform01(bits[1]);
  if (d.law == Distribution::Law::uniform) return d.a + (d.b - d.a) * u;
  if (d.law == Distribution::Law::log_uniform) return d.a * std::exp(std::log(d.b / d.a) * u);
  double z = normal_pair(bits[1], bits[2]).first;
  z = z < -3 ? -3 : z > 3 ? 3 : z;
  if (d.law == Distribution::Law::normal) return d.a + d.b * z;
  if (d.law == Distribution::Law::log_normal) return d.a * std::exp(d.b * z);
  const double squeeze = uniform01(bits[3]);
  return d.a + d.b * squeeze * squeeze * z;
}

/// The numbers of one pattern.
struct DrawnPattern {
  std::int32_t variant;
  double U, V;
  double value[effect_count];
  double distortion[6];               ///< in [-1, 1]: g00, g11, g22, g12, g02, g01
  std::int32_t axis;                  ///< of texture_axes
  double chebyshev[chebyshev_terms];  ///< in [-1, 1]

  BRAGG_HOST_DEVICE double operator[](Effect e) const { return value[static_cast<int>(e)]; }
};

BRAGG_HOST_DEVICE inline Philox4 data_call(std::uint32_t seed, DataDraw what, std::uint32_t call,
                                           std::uint64_t index) {
  return random_call(seed, RandomStream::data, call, static_cast<std::uint32_t>(what), index);
}

/// DataDraw::parameters, call 0: word 0 chooses the first variant whose cumulative weight exceeds u * total.
BRAGG_HOST_DEVICE inline std::int32_t draw_variant(const PatternVariant* variants, std::int32_t count,
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
BRAGG_HOST_DEVICE inline double draw_effect(const PatternVariant& variant, int e, std::uint32_t seed,
                                            std::uint64_t index) {
  const Distribution& d = variant.effects.data()[e];
  const bool is_constant = d.law == Distribution::Law::uniform && d.a == d.b && d.probability == 1;
  return is_constant
             ? d.a
             : draw_value(d, data_call(seed, DataDraw::parameters, 1 + static_cast<std::uint32_t>(e), index));
}

/// DataDraw::shape: words 0..5 the distortion, word 6 the axis, words 8..11 the Chebyshev coefficients.
BRAGG_HOST_DEVICE inline void draw_shape(DrawnPattern& drawn, std::uint32_t seed, std::uint64_t index) {
  const Philox4 shape[3] = {data_call(seed, DataDraw::shape, 0, index),
                            data_call(seed, DataDraw::shape, 1, index),
                            data_call(seed, DataDraw::shape, 2, index)};
  for (int i = 0; i < 6; ++i)
    drawn.distortion[i] = 2 * double{uniform01(shape[i / 4][i % 4])} - 1;
  drawn.axis = static_cast<std::int32_t>(uniform_below(shape[1][2], texture_axis_count));
  for (int k = 0; k < chebyshev_terms; ++k)
    drawn.chebyshev[k] = 2 * double{uniform01(shape[2][k])} - 1;
}

inline DrawnPattern draw_pattern(const PatternVariant* variants, std::int32_t count, std::uint32_t seed,
                                 std::uint64_t index) {
  DrawnPattern drawn{};
  drawn.variant = draw_variant(variants, count, seed, index);
  const PatternVariant& variant = variants[drawn.variant];
  drawn.U = variant.U;
  drawn.V = variant.V;
  for (int e = 0; e < effect_count; ++e)
    drawn.value[e] = draw_effect(variant, e, seed, index);
  draw_shape(drawn, seed, index);
  return drawn;
}
inline DrawnPattern draw_pattern(const PatternProblem& p, std::uint64_t index) {
  return draw_pattern(p.variants.data(), static_cast<std::int32_t>(p.variants.size()), p.seed, index);
}

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

/// The image of a texture axis under one rotation of the Laue group.
struct AxisImage {
  std::int32_t index[3];
};
BRAGG_HOST_DEVICE inline AxisImage texture_axis_image(const std::int8_t* rotation, std::int32_t axis) {
  constexpr auto axes = texture_axes;  // device code has no namespace-scope array of the host's
  AxisImage image{};
  for (int j = 0; j < 3; ++j) {
    for (int i = 0; i < 3; ++i)
      image.index[j] += axes[axis][i] * rotation[3 * i + j];
  }
  return image;
}

/// The images of a texture axis under the Laue group, of +-axis one: the mean over the orbit of hkl is the
/// mean over them. Fewer than 24 have to be looked at where the axis is special.
struct TextureAxes {
  std::int32_t count;
  std::int32_t axis[24][3];
};
inline TextureAxes texture_axes_of(const LaueRotations& laue, std::int32_t axis) {
  TextureAxes images{};
  for (int n = 0; n < laue.count; ++n) {
    const auto [image] = texture_axis_image(laue.rotation[n].data(), axis);
    bool known = false;
    for (int m = 0; m < images.count; ++m) {
      const std::int32_t* const other = images.axis[m];
      known |= (image[0] == other[0] && image[1] == other[1] && image[2] == other[2]) ||
               (image[0] == -other[0] && image[1] == -other[1] && image[2] == -other[2]);
    }
    if (known) continue;
    for (int j = 0; j < 3; ++j)
      images.axis[images.count][j] = image[j];
    ++images.count;
  }
  return images;
}

/// The points that cut_low and cut_high leave: [begin, end). Half a step of tolerance, so that a cut that is
/// whole steps does not hang on a rounding.
struct PointRange {
  std::int64_t begin, end;
};
BRAGG_HOST_DEVICE inline PointRange kept_points(const TwoThetaGrid& grid, const DrawnPattern& drawn) {
  const auto steps = [&](Effect e) { return static_cast<std::int64_t>(drawn[e] / grid.step + 0.5); };
  return {steps(Effect::cut_low), grid.points - steps(Effect::cut_high)};
}

/// u_i of the paper's noise: word i % 4 of call i / 4 of DataDraw::noise, as uniform01. z_i of the others:
/// the normals of normal_pair(words 0, 1) and (words 2, 3) of the same call, in order.

}  // namespace bragg
