// The vector code of structure factors and patterns, one table of functions per instruction set. Plain
// pointers only: this header is compiled with every instruction set and must bring no inline function along.
#pragma once

#include <cstdint>

#include "kernels/crystal/effects.h"

namespace bragg::cpu {

/// Reflections (h, k, l) of one row: h and k fixed, l descending; [first, first + count) of the crystal's
/// list.
struct ReflectionRow {
  std::int16_t h, k;
  std::int32_t first, count;
};

/// Atoms that share their form factor, in whole vectors of `lanes` (filled up with occupancy 0).
struct AtomGroup {
  std::int32_t first_vector, vectors;
  bool anisotropic;     ///< displacement factors by atom, from `beta`; else they are in `weight`
  const float* weight;  ///< (reflections): form factor, times the displacement factor that all atoms share
  const float* imaginary_weight;  ///< (reflections): the same of f''; only of anomalous crystals
};

/// One crystal. `atoms` is a multiple of `lanes`; rows of the tables have that length.
struct StructureFactorCall {
  std::int64_t atoms;
  const float* occupancy;  ///< (atoms), with all constant factors
  const float* cosine[3];  ///< (index, atoms): cos(2 pi index x), for index 0, 1, ...
  const float* sine[3];
  const float* beta[6];  ///< (atoms); only of anisotropic groups
  const AtomGroup* groups;
  std::int64_t group_count;
  const ReflectionRow* rows;
  std::int64_t row_count;
  const std::int16_t* miller;  ///< (reflections, 4): h, k, l, multiplicity
  bool centrosymmetric;
  bool anomalous;  ///< any f'' is not 0
  float* scratch;  ///< (4, atoms)
  float* f2;       ///< (reflections)
};

/// The lines of some reflections at one wavelength, in units of grid steps; see PatternProblem for the
/// formulas. `effects`, here and below: PatternParameters::value.
struct LineCall {
  const std::int16_t* miller;  ///< (lines, 4)
  float* f2;     ///< (lines); becomes what does not depend on the wavelength: f2 x multiplicity x damping x
                 ///< texture
  bool weighed;  ///< it is that already
  std::int64_t lines;
  const double* metric;  ///< ReciprocalMetric, strained
  double wavelength, start, step;
  double radius;  ///< of the goniometer, mm
  double U, V;
  const double* effects;
  float area;                  ///< factor of all intensities
  std::int64_t axes;           ///< images of the texture's axis; 0: no texture
  const float* axis[3];        ///< (axes): cos a = (axis[0] h + axis[1] k + axis[2] l) d
  double* position = nullptr;  ///< (lines): (two_theta - start) / step
  float* width = nullptr;      ///< (lines): H / step
  float *gaussian = nullptr,
        *lorentz = nullptr;  ///< (lines): heights of the two parts at the centre; 0 where not drawn
  float* decay = nullptr;    ///< (lines): 2^(-8 (lanes / width)^2), what a profile's ratio of neighbouring
                             ///< vectors falls by
  float* side = nullptr;     ///< (lines): excess of the low side's width
};

/// Lines as lines() makes them, onto a grid.
struct DrawCall {
  const double* position;
  const float *width, *gaussian, *lorentz, *decay, *side;
  std::int64_t lines;
  bool asymmetric;  ///< any side is not 0
  float highest;    ///< of all lines' heights; used where there are Lorentzian parts
  std::int64_t points;
  float* y;  ///< (points, padded to lanes): += the profiles
};

/// y = y * scale + other * other_scale + the background of PatternProblem.
struct BackgroundCall {
  float scale, other_scale;
  const float* other;  ///< or nullptr
  double start, step;
  const double* effects;
  const double* chebyshev;  ///< of T_1 .. T_4
  std::int64_t points;
  float* y;
};

/// Counting and Gaussian noise of PatternProblem.
struct NoiseCall {
  const double* effects;
  std::uint32_t seed;
  std::uint64_t index;
  std::int64_t points;
  float* y;
};

struct CrystalKernels {
  int lanes;  ///< floats in a vector; every float array above is aligned to and padded to as many

  /// dst[i] = sum a exp(-b stol2[i]) + c; n is a multiple of lanes.
  void (*form_factors)(const float* a, const float* b, float c, const float* stol2, std::int64_t n,
                       float* dst);
  /// dst[i] = src[i] exp(-factor stol2[i])
  void (*damp)(const float* src, float factor, const float* stol2, std::int64_t n, float* dst);
  /// cosine, sine (count, n) of 2 pi index x[j], correct to some 2e-7 for every index: the fraction of index
  /// x is taken in double.
  void (*phase_table)(const double* x, std::int64_t n, std::int64_t count, float* cosine, float* sine);
  void (*structure_factors)(const StructureFactorCall&);

  /// Returns the height of the highest line.
  float (*lines)(const LineCall&);
  void (*draw)(const DrawCall&);
  void (*background)(const BackgroundCall&);
  void (*noise)(const NoiseCall&);
  float (*maximum)(const float* y, std::int64_t points);
  /// y[i] += level u_i, u_i of DataDraw::noise for the pattern `index`.
  void (*add_uniform_noise)(float level, std::uint32_t seed, std::uint64_t index, std::int64_t points,
                            float* y);
  /// dst[i] = factor y[i]; dst needs no alignment.
  void (*scale)(const float* y, float factor, std::int64_t points, float* dst);
  /// dst[i] = sqrt(factor y[i]), 0 where y is negative.
  void (*root)(const float* y, float factor, std::int64_t points, float* dst);
};

namespace v2 {
extern const CrystalKernels crystal_kernels;
}
namespace v3 {
extern const CrystalKernels crystal_kernels;
}
namespace v4 {
extern const CrystalKernels crystal_kernels;
}

}  // namespace bragg::cpu
