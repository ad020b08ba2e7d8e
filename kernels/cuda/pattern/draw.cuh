// What a block knows of its pattern before it draws a line: the numbers left to chance, and what the lines of
// one crystal have in common. In double precision, spread over the lanes of one warp.
#pragma once

#include <cmath>

#include "kernels/crystal/pattern_math.h"
#include "kernels/cuda/pattern/arguments.h"

namespace bragg::cuda {

constexpr double degrees = 57.29577951308232;

/// draw_pattern(), an effect for each lane. All threads of the block; ends with a barrier.
__device__ inline void draw_numbers(const PatternArguments& a, std::uint64_t index, DrawnPattern& drawn) {
  static_assert(effect_count < 32);
  const auto lane = static_cast<int>(threadIdx.x);
  if (lane <= effect_count) {
    const PatternVariant* const variants = a.many ? a.many : a.few;
    const std::int32_t chosen = draw_variant(variants, a.variant_count, a.seed, index);
    if (lane < effect_count) {
      drawn.value[lane] = draw_effect(variants[chosen], lane, a.seed, index);
    } else {
      drawn.variant = chosen;
      drawn.U = variants[chosen].U;
      drawn.V = variants[chosen].V;
      draw_shape(drawn, a.seed, index);
    }
  }
  __syncthreads();
}

/// Positions are in grid steps from the first point, widths in degrees.
struct CrystalLines {
  std::uint64_t first;  ///< of its reflections in the set
  std::int32_t count;
  double metric[6];
  std::int32_t axes;   ///< 0: no texture
  double axis[24][3];  ///< (hkl . axis)^2 / q is the square of the cosine between them
  double U, V, W;
  double scale, origin, displacement;  ///< position = scale theta + origin - displacement cos theta
  float half_widths_per_step;          ///< of a width of 1 degree
  std::int32_t lines_per_reflection;
  double wavelength[2];
  float share[2];           ///< of the area
  float size, microstrain;  ///< L = size / cos theta + microstrain tan theta, the former for 1 A
  float asymmetry, b_overall;
  double along_axis, across_axis;  ///< r^2 and 1 / r of March's function

  __device__ bool has_tails() const { return size > 0 || microstrain > 0; }
  __device__ bool is_symmetric_gaussian() const { return !has_tails() && !(asymmetry > 0); }
};

/// All threads of the block; begins and ends with a barrier. An impurity is neither strained nor textured.
__device__ inline void prepare_lines(const PatternArguments& a, std::int64_t crystal,
                                     const DrawnPattern& drawn, bool impurity, CrystalLines& c) {
  const auto lane = static_cast<int>(threadIdx.x);
  const LaueRotations& laue = a.laue[crystal];
  const bool textured = !impurity && drawn[Effect::texture] > 0;
  __syncthreads();
  if (lane < 6) {
    c.metric[lane] = impurity ? a.metric[crystal].data()[lane]
                              : strained_element(a.metric[crystal], laue, drawn[Effect::strain],
                                                 drawn[Effect::distortion], drawn.distortion, lane);
  } else if (lane == 6) {
    c.first = a.offset[crystal];
    c.count = static_cast<std::int32_t>(a.offset[crystal + 1] - c.first);
    c.axes = textured ? laue.count : 0;
    c.U = drawn.U;
    c.V = drawn.V;
    c.W = drawn[Effect::W];
    c.scale = 2 * degrees / a.grid.step;
    c.half_widths_per_step = static_cast<float>(2 * a.grid.step);
    c.origin = (drawn[Effect::zero_shift] - a.grid.start) / a.grid.step;
    c.displacement = degrees * 2 * drawn[Effect::displacement] / goniometer_radius / a.grid.step;
    const double ratio = drawn[Effect::k_alpha2], size = drawn[Effect::size];
    const auto both = k_alpha_wavelengths(a.wavelength);
    c.lines_per_reflection = ratio > 0 ? 2 : 1;
    c.wavelength[0] = ratio > 0 ? both.data()[0] : a.wavelength;
    c.wavelength[1] = both.data()[1];
    c.share[0] = static_cast<float>(1 / (1 + ratio));
    c.share[1] = static_cast<float>(ratio / (1 + ratio));
    c.size = size > 0 ? static_cast<float>(degrees * 0.9 / (10 * size)) : 0;
    c.microstrain = static_cast<float>(degrees * 4 * drawn[Effect::microstrain]);
    c.asymmetry = static_cast<float>(drawn[Effect::asymmetry]);
    c.b_overall = static_cast<float>(drawn[Effect::b_overall]);
    const double r = drawn[Effect::texture];
    c.along_axis = textured ? r * r : 0;
    c.across_axis = textured ? 1 / r : 0;
  }
  __syncthreads();
  // All images of the axis, those that are the same too: each is there equally often.
  if (textured && lane < laue.count) {
    const double* const g = c.metric;
    const AxisImage image = texture_axis_image(laue.rotation.data()[lane].data(), drawn.axis);
    const double x = image.index[0], y = image.index[1], z = image.index[2];
    const double row[3] = {g[0] * x + (g[5] * y + g[4] * z) / 2, g[1] * y + (g[5] * x + g[3] * z) / 2,
                           g[2] * z + (g[4] * x + g[3] * y) / 2};
    const double length = std::sqrt(x * row[0] + y * row[1] + z * row[2]);
    for (int i = 0; i < 3; ++i)
      c.axis[lane][i] = row[i] / length;
  }
  __syncthreads();
}

}  // namespace bragg::cuda
