// From a reflection to what is drawn of it: what the lines of one crystal have in common, in double precision
// and spread over the lanes of one warp; then each line. Positions are found in double precision; everything
// after them is relative to a position, in grid steps, and float is enough.
#pragma once

#include <cmath>

#include "kernels/crystal/pattern_math.h"
#include "kernels/cuda/device/block.cuh"
#include "kernels/cuda/device/ptx.cuh"
#include "kernels/cuda/pattern/arguments.h"

namespace bragg::cuda {

constexpr double degrees = 57.29577951308232;

/// Positions are in grid steps from the first point, widths in degrees.
struct CrystalLines {
  std::uint64_t first;  ///< of its reflections in the set
  std::int32_t count;
  double metric[6];
  std::int32_t axes;  ///< 0: no texture
  float axis[24][3];  ///< (hkl . axis)^2 / q is the square of the cosine between them
  double U, V, W;
  double scale, origin, displacement;  ///< position = scale theta + origin - displacement cos theta
  float half_widths_per_step;          ///< of a width of 1 degree
  std::int32_t lines_per_reflection;
  double wavelength[2];
  float share[2];           ///< of the area
  float size, microstrain;  ///< L = size / cos theta + microstrain tan theta, the former for 1 A
  float asymmetry, b_overall;
  float overflow;  ///< 1 / sin theta where the beam begins to fit the sample; 0: it always does
  float along_axis, across_axis;  ///< r^2 and 1 / r of March's function

  __device__ bool has_tails() const { return size > 0 || microstrain > 0; }
  __device__ bool is_symmetric_gaussian() const { return !has_tails() && !(asymmetry > 0); }
};

/// All threads of the block; begins and ends with a barrier. An impurity is neither strained nor textured.
__device__ inline void prepare_lines(const PatternArguments& a, std::int64_t crystal,
                                     const PatternParameters& pattern, bool impurity, CrystalLines& c) {
  const auto lane = static_cast<int>(threadIdx.x);
  const LaueRotations& laue = a.laue[crystal];
  const bool textured = !impurity && pattern[Effect::texture] > 0;
  __syncthreads();
  if (lane < 6) {
    c.metric[lane] = impurity ? a.metric[crystal].data()[lane]
                              : strained_element(a.metric[crystal], laue, pattern[Effect::strain],
                                                 pattern[Effect::distortion], pattern.distortion, lane);
  } else if (lane == 6) {
    c.first = a.offset[crystal];
    c.count = static_cast<std::int32_t>(a.offset[crystal + 1] - c.first);
    c.axes = textured ? laue.count : 0;
    c.U = pattern.U;
    c.V = pattern.V;
    c.W = pattern[Effect::W];
    const Instrument& instrument = a.instrument;
    const TwoThetaGrid& grid = instrument.grid;
    c.scale = 2 * degrees / grid.step;
    c.half_widths_per_step = static_cast<float>(2 * grid.step);
    c.origin = (pattern[Effect::zero_shift] - grid.start) / grid.step;
    c.displacement = degrees * 2 * pattern[Effect::displacement] / instrument.radius / grid.step;
    const double ratio = pattern[Effect::k_alpha2], size = pattern[Effect::size];
    const auto both = instrument.k_alpha();
    c.lines_per_reflection = ratio > 0 ? 2 : 1;
    c.wavelength[0] = ratio > 0 ? both.data()[0] : instrument.wavelength;
    c.wavelength[1] = both.data()[1];
    c.share[0] = static_cast<float>(1 / (1 + ratio));
    c.share[1] = static_cast<float>(ratio / (1 + ratio));
    c.size = size > 0 ? static_cast<float>(degrees * 0.9 / (10 * size)) : 0;
    c.microstrain = static_cast<float>(degrees * 4 * pattern[Effect::microstrain]);
    c.asymmetry = static_cast<float>(pattern[Effect::asymmetry]);
    c.b_overall = static_cast<float>(pattern[Effect::b_overall]);
    const double overflow = pattern[Effect::overflow];
    c.overflow = overflow > 0 ? static_cast<float>(1 / std::sin(overflow / (2 * degrees))) : 0;
    const double r = pattern[Effect::texture];
    c.along_axis = textured ? static_cast<float>(r * r) : 0;
    c.across_axis = textured ? static_cast<float>(1 / r) : 0;
  }
  __syncthreads();
  // All images of the axis, those that are the same too: each is there equally often.
  if (textured && lane < laue.count) {
    const double* const g = c.metric;
    const AxisIndices image = image_of(laue.rotation.data()[lane].data(), texture_axis(pattern.axis));
    const double x = image.index[0], y = image.index[1], z = image.index[2];
    const double row[3] = {g[0] * x + (g[5] * y + g[4] * z) / 2, g[1] * y + (g[5] * x + g[3] * z) / 2,
                           g[2] * z + (g[4] * x + g[3] * y) / 2};
    const double length = std::sqrt(x * row[0] + y * row[1] + z * row[2]);
    for (int i = 0; i < 3; ++i)
      c.axis[lane][i] = static_cast<float>(row[i] / length);
  }
  __syncthreads();
}

/// A line's centre is at `nearest` - `fraction`, the former a whole number: the distance of a grid point from
/// it is then an exact integer plus the fraction, rounded once, however narrow the line. With d a distance in
/// steps and u = d * sharpness, the profile is
///   gaussian 2^-u^2 + lorentz / (1 + u^2)     as u = 2 (2 theta_i - position) / H
struct Line {
  float nearest, fraction;
  float low, high;  ///< the sharpness on either side
  float gaussian, lorentz;

  __device__ float height() const { return gaussian + lorentz; }
};

/// By Thompson, Cox & Hastings from the Gaussian's and the Lorentzian's width, G > 0.
struct Width {
  float H, eta;
};
__device__ inline Width pseudo_voigt(float G, float L) {
  // In units of the larger one: no power of five leaves float's range.
  const float unit = larger(G, L), g = G / unit, l = L / unit;
  const float g2 = g * g, l2 = l * l;
  const float sum = g2 * g2 * g + 2.69269f * g2 * g2 * l + 2.42843f * g2 * g * l2 + 4.47163f * g2 * l * l2 +
                    0.07842f * g * l2 * l2 + l2 * l2 * l;
  const float H = unit * exp2f(0.2f * log2f(sum)), ratio = L / H;
  return {H, ratio * (1.36603f + ratio * (-0.47719f + ratio * 0.11116f))};
}

/// Of a reflection with this 1/d^2. All zeros where no line is.
__device__ inline Line line_of(const CrystalLines& c, double q, float area, double wavelength) {
  const double sine = wavelength / 2 * std::sqrt(q);
  if (!(sine < 1)) return {};
  const double sine2 = sine * sine, cosine = std::sqrt(1 - sine2), tangent = sine / cosine;
  const double G2 = (c.U * tangent + c.V) * tangent + c.W;
  if (!(G2 > 0)) return {};
  const double position = std::asin(sine) * c.scale + c.origin - c.displacement * cosine;

  const auto s = static_cast<float>(sine), s2 = static_cast<float>(sine2), cos = static_cast<float>(cosine),
             t = static_cast<float>(tangent);
  const Width width = pseudo_voigt(static_cast<float>(std::sqrt(G2)),
                                   c.size * static_cast<float>(wavelength) / cos + c.microstrain * t);
  const float cos_2theta = 1 - 2 * s2, cot_2theta = cos_2theta / (2 * s * cos);
  const float asymmetry = fminf(fmaxf(c.asymmetry * cot_2theta, 0.0f), 0.8f);
  area *= (1 + cos_2theta * cos_2theta) / (cos * s2) * (2 / width.H);
  if (c.overflow > 0) area *= fminf(1.0f, s * c.overflow);
  const double nearest = std::rint(position);
  Line line;
  line.nearest = static_cast<float>(nearest);
  line.fraction = static_cast<float>(static_cast<double>(line.nearest) - position);
  line.low = c.half_widths_per_step / (width.H * (1 + asymmetry));
  line.high = c.half_widths_per_step / (width.H * (1 - asymmetry));
  line.gaussian = 0.46971864f * (1 - width.eta) * area;  // sqrt(ln 2 / pi)
  line.lorentz = 0.31830989f * width.eta * area;         // 1 / pi
  return line;
}

/// The mean of March's function over a reflection's orbit, by the two neighbouring lanes that make its lines where it has two; all lanes
/// of a warp together.
__device__ inline float march_mean(const CrystalLines& c, const Miller& m, float q) {
  const bool shared = c.lines_per_reflection == 2;
  const auto h = static_cast<float>(m.h), k = static_cast<float>(m.k), l = static_cast<float>(m.l);
  const float inverse_q = 1 / q;
  float sum = 0;
  for (int n = shared ? static_cast<int>(threadIdx.x % 2) : 0; n < c.axes; n += shared ? 2 : 1) {
    const float dot = c.axis[n][0] * h + c.axis[n][1] * k + c.axis[n][2] * l,
                cos2 = fminf(1.0f, dot * dot * inverse_q),
                root = reciprocal_root_approximate(c.along_axis * cos2 + (1 - cos2) * c.across_axis);
    sum += root * root * root;
  }
  if (shared) sum += __shfl_xor_sync(all_lanes, sum, 1);
  return sum / static_cast<float>(c.axes);
}

/// A reflection: 1/d^2 and the area under its lines but for the Lorentz factor. All lanes of a warp together.
struct ReflectedArea {
  double q;
  float area;
};
__device__ inline ReflectedArea reflected_area(const CrystalLines& c, const Miller& m, float f2) {
  const double h = m.h, k = m.k, l = m.l;
  const double* const g = c.metric;
  const double q = h * (g[0] * h + g[4] * l + g[5] * k) + k * (g[1] * k + g[3] * l) + l * (g[2] * l);
  float area = static_cast<float>(m.multiplicity) * f2 * expf(-0.5f * c.b_overall * static_cast<float>(q));
  if (c.axes > 0) area *= march_mean(c, m, static_cast<float>(q));
  return {q, area};
}

}  // namespace bragg::cuda
